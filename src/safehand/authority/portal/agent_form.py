"""The fields by which somebody is named who may receive it; the same before and after submission."""

from collections.abc import Mapping
from typing import Final

from safehand.authority.agent.person import RELATIONS, AgentRecord, agent_of
from safehand.authority.notices.wording import Both
from safehand.authority.portal.forms import Sent
from safehand.house.sessions import Session
from safehand.kernel.outcome import Language

AGENT_FIELDS: Final = ("name", "relation", "phone")
NOBODY: Final = "nobody"
"""The button by which nobody is named."""


def agent_sent(sent: Sent, session: Session, own_phone: str) -> AgentRecord | dict[str, Both]:
    """Who was named in a form, or what is wrong with it by field."""
    return agent_of(
        name=sent["name"],
        relation=sent["relation"],
        phone=sent["phone"],
        own_name=session.identity.name if session.identity is not None else "",
        own_phone=own_phone,
    )


def agent_fields(agent: AgentRecord | None) -> Mapping[str, str]:
    """The form as it begins."""
    return {field: getattr(agent, field) if agent is not None else "" for field in AGENT_FIELDS}


def relations_in(language: Language) -> list[tuple[str, str]]:
    """The choices of the relation."""
    return [(code, both.in_language(language)) for code, both in RELATIONS.items()]
