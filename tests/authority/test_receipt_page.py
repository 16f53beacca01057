"""The receipt on the page of a case: its number, the clocks that hold, and the panel right after sending."""

from datetime import date
from typing import Any

import pytest

from safehand.authority.portal.receipt import receipt_words, terms_of
from safehand.authority.rulebook import HouseClocks, Rulebook
from tests.authority.house import House, loaded
from tests.authority.living_authority import living

DAY = date(2024, 5, 6)


def book() -> Rulebook:
    cities, documents = loaded()
    return Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="post")


def said(case: Any, city: int = 310000, day: date = DAY) -> dict[str, str]:
    return {t.what.en: t.length.en for t in terms_of(book=book(), case=case, city=city, day=day)}


def test_a_receipt_number_is_read_aloud_in_three_groups():
    assert receipt_words("310012345678901") == "31001 23456 78901"


def test_the_clocks_are_those_of_the_city():
    clocks = book().city(310000, DAY).clocks  # pyright: ignore[reportOptionalMemberAccess]
    told = said(House().submitted().case)
    assert told == {
        "We examine": f"at most {clocks.review_working_days} working days",
        "We make it, once it is paid": f"at most {clocks.produce_working_days} working days",
        "You correct, if asked": f"within {clocks.correct_days} days",
        "You pay, once approved": f"within {clocks.pay_days} days",
    }


def test_only_whoever_fetches_it_at_the_counter_is_told_how_long_it_is_kept_there():
    counter = House().submitted(mode="counter").case
    assert said(counter)["Kept at the counter for you"] == "within 90 days"


def test_where_no_rules_are_in_force_no_clock_is_claimed():
    assert said(House().submitted().case, city=999999) == {}


@pytest.mark.slow
def test_the_receipt_stands_on_the_page_and_only_a_new_one_has_the_panel(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            sent = await world.submit(someone, "applicant")
            address = f"/cases/310000/{sent['case']}"
            number = receipt_words(sent["receipt"])
            new = await someone.page(f"{address}?done=submitted")
            later = await someone.page(address)
            for page in (new, later):
                assert number in page
                assert "at most 7 working days" in page
                assert page.count("<h1") == 1
            assert "It is sent" in new.split("</h1>")[0]
            assert "It is sent" not in later
            assert sent["receipt"][:5] not in later.split("</title>")[0]
            for hostile in ("<script>", "submitted'", "x" * 3_000):
                odd = await someone.browser.get(address, params={"done": hostile})
                assert odd.status_code == 200
                assert "<script>" not in odd.text
                assert "It is sent" not in odd.text

    run(scene())
