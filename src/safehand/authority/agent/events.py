"""What can happen to an agent. Never a name or a number of a telephone."""

from safehand.kernel.machine import Event


class AgentNamed(Event, frozen=True, kw_only=True, tag="agent.named"):
    """The applicant named one, or another one."""

    number: int


class AgentReleased(Event, frozen=True, kw_only=True, tag="agent.released"):
    """Only the applicant may receive it."""


class AgentReceived(Event, frozen=True, kw_only=True, tag="agent.received"):
    """The agent's own code proved the delivery."""


AgentEvent = AgentNamed | AgentReleased | AgentReceived
