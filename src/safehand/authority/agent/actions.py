"""Naming somebody after submission: who it is goes into the vault with the command, in one transaction."""

from safehand.authority.agent.commands import AGENTS_MAX, NameAgent
from safehand.authority.agent.person import AGENT_RECORD, AgentRecord, agent_records
from safehand.authority.agent.refusals import CHANGED
from safehand.authority.case import Case
from safehand.authority.router import agent_nameable
from safehand.house.erasure import ERASED
from safehand.house.persons import sealed_for
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, of_old_form


async def name_agent(
    *, house: House, key: StreamKey, case: Case, actor: str, agent: AgentRecord, number: int
) -> Done | Refusal:
    """This person may, and nobody who was named before; or why not.

    The form says which naming this is, so that pressing twice names once.
    """
    refusal = agent_nameable(case)
    if refusal is not None:
        return refusal
    records = agent_records(agent)
    sealed = (await sealed_for(house=house, records={key: records})).get(key)
    if sealed is None:
        return ERASED()
    call = Call(
        stream=key,
        kind="case",
        command=NameAgent(number=min(max(number, 1), AGENTS_MAX + 1)),
        actor=actor,
        key=f"{key.stream}-agent-{number}"[:80],
        # Keyed: of what was typed nothing can be guessed from it.
        request_hash=house.vault.digest(purpose="agent form", value=records[AGENT_RECORD].decode()),
        vault=sealed,
    )
    [outcome] = await house.shell.run([call])
    return of_old_form(outcome, changed=CHANGED())
