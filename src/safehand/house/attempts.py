"""Failed sign-ins, counted: guessing passwords stops, and nobody can lock somebody else out from elsewhere.

Three counts within one window: of one login from one address, of one address, and of one login from everywhere. The
last one holds back strangers only: an address from which this login has signed in before may still try.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

LOGIN_AND_ADDRESS_MAX = 5
ADDRESS_MAX = 30
LOGIN_MAX = 100
WINDOW = timedelta(minutes=15)
NAMES_MAX = 50_000
"""So many logins and addresses are remembered; of more, those that came first are forgotten."""

_MAX = {"both": LOGIN_AND_ADDRESS_MAX, "address": ADDRESS_MAX, "login": LOGIN_MAX}


class Attempts:
    """Counts attempts in memory; each process of a house counts for itself."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, ...], tuple[datetime, int]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def minutes_to_wait(self, *, login: str, address: str, now: datetime) -> int:
        """How long this login must not be tried from this address; 0: it may be tried now."""
        until = [
            first + WINDOW
            for name in _names(login, address)
            if (first := self._full_since(name, now)) is not None
            and not (name[0] == "login" and (login, address) in self._known)
        ]
        return max((int((end - now).total_seconds()) // 60 + 1 for end in until), default=0)

    def count(self, *, login: str, address: str, now: datetime) -> None:
        """An attempt begins; until it succeeds it counts as a failure."""
        for name in _names(login, address):
            first, count = self._counts.get(name, (now, 0))
            if now - first >= WINDOW:
                first, count = now, 0
                self._counts.pop(name, None)
            if name not in self._counts and len(self._counts) >= NAMES_MAX:
                self._counts.popitem(last=False)
            self._counts[name] = (first, count + 1)

    def forgive(self, *, login: str, address: str) -> None:
        """The password was right: this attempt was none, and the person comes from here."""
        both, *others = _names(login, address)
        self._counts.pop(both, None)
        for name in others:
            # Only this one is taken back: a guesser with one good account must not clear the count of the others.
            first, count = self._counts.get(name, (None, 0))
            if first is not None:
                self._counts[name] = (first, max(0, count - 1))
        if len(self._known) >= NAMES_MAX:
            self._known.popitem(last=False)
        self._known[login, address] = None

    def _full_since(self, name: tuple[str, ...], now: datetime) -> datetime | None:
        first, count = self._counts.get(name, (now, 0))
        return first if count >= _MAX[name[0]] and now - first < WINDOW else None


def _names(login: str, address: str) -> tuple[tuple[str, ...], ...]:
    return (("both", login, address), ("address", address), ("login", login))
