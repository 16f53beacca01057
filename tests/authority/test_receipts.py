"""Receipt numbers: claimed in the nation, never shared by two cases; on a clash another is drawn, and still one is told."""

import asyncio
from typing import Any

import pytest

from safehand.authority.application.actions import DRAWS_MAX, RECEIPT, Submitted, receipts, submit_action
from safehand.authority.application.commands import WithdrawApplication
from safehand.authority.documents.numbers import make_receipt_number, receipt_number
from safehand.authority.ports.calling import ServiceCaller
from safehand.authority.ports.register import HttpRegister
from safehand.house.front import Action, Front
from safehand.house.sessions import Identity, Session
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from tests.authority.house import House, application
from tests.authority.living_authority import SHANGHAI, TOKEN, World, living

slow = pytest.mark.slow
KEY = b"k" * 32


def test_a_number_that_another_case_holds_is_refused_and_a_new_drawing_takes_it():
    house = House()
    house.ok(application(receipt="receipt:one"))
    other = application(claim="live:other:passport", receipt="receipt:one")
    assert house.no(other, stream="ca_other") == "application.receipt_taken"
    drawn = application(claim="live:other:passport", receipt="receipt:two", draw=1)
    assert house.ok(drawn, stream="ca_other")[0] == "application.submitted"
    assert house.streams["ca_other"][1].application.draw == 1
    # The number is never given back: an old receipt must not lead to somebody else's case.
    house.ok(WithdrawApplication(), actor="ap_one")
    third = application(claim="live:third:passport", receipt="receipt:one")
    assert house.no(third, stream="ca_third") == "application.receipt_taken"


def test_drawings_of_a_case_are_repeatable_whole_and_different():
    draw = receipts(key=KEY)
    numbers = [draw(city=SHANGHAI, case="ca_one", draw=one) for one in range(DRAWS_MAX)]
    assert numbers == [receipts(key=KEY)(city=SHANGHAI, case="ca_one", draw=one) for one in range(DRAWS_MAX)]
    assert len(set(numbers)) == DRAWS_MAX
    assert all(receipt_number(number) == number for number in numbers)


class Narrow:
    """A drawing with so few numbers that everybody clashes: draw n gives number n to every case."""

    def __init__(self) -> None:
        self.draws: list[int] = []

    def __call__(self, *, city: int, case: str, draw: int) -> str:
        self.draws.append(draw)
        return make_receipt_number(city=str(SHANGHAI), number=draw, key=KEY)


def submitting(world: World, narrow: Narrow) -> tuple[Front, Action]:
    """The action on the living house, with a drawing of the test's choice."""
    house = world.app.state.house
    register = HttpRegister(
        caller=ServiceCaller(service="register", base_url=world.services["register"], live=False, token=TOKEN)
    )
    action = submit_action(house=house, register=register, receipt_of=narrow)
    return Front(actions=[action]), action


async def submit(world: World, front: Front, action: Action, key: str) -> Done | Refusal:
    member = world.cast.people[key]
    item = action.asks(**world.whole_application(key))
    session = Session(
        actor=f"ap_{key}",
        roles=frozenset({"applicant"}),
        identity=Identity(name=member.person.name_zh, id_number=member.person.id_number),
    )
    return await front.call(name=action.name, session=session, item=item, key=f"submit-{key}")


@slow
def test_whoever_draws_a_taken_number_gets_another_one_also_in_the_same_moment(run, fresh_database, tmp_path):
    async def scene() -> None:
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            narrow = Narrow()
            front, action = submitting(world, narrow)
            keys = [key for key, one in world.cast.people.items() if not one.refused][:3]
            outcomes = await asyncio.gather(*(submit(world, front, action, key) for key in keys))
            done = [one for one in outcomes if isinstance(one, Done)]
            assert len(done) == len(outcomes), outcomes
            shown: list[Any] = [front.answer(name=action.name, done=one) for one in done]
            assert all(isinstance(one, Submitted) for one in shown)
            told = {one.case: one.receipt for one in shown}
            wanted = {make_receipt_number(city=str(SHANGHAI), number=n, key=KEY) for n in range(len(keys))}
            assert set(told.values()) == wanted
            # The claim leads from the number to its case, and to no other.
            house = world.app.state.house
            for case, number in told.items():
                digest = house.vault.digest(purpose=RECEIPT, value=number).hex()
                holders = await house.store.holders(names=[f"{RECEIPT}:{digest}"])
                assert [row.stream for row in holders.values()] == [case]
            # The same request again is the same case under the same number.
            again = await submit(world, front, action, keys[-1])
            assert isinstance(again, Done)
            assert again.repeated
            assert front.answer(name=action.name, done=again).receipt == told[again.stream]

    run(scene())
