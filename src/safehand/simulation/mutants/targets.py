"""Which modules are mutated: those that decide and do no work of their own."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[4]
SOURCES: Final = ROOT / "src"

PATTERNS: Final = (
    "safehand.authority.*.rules",
    "safehand.authority.*.states",
    "safehand.authority.handover.bag",
    "safehand.authority.production.stock",
    "safehand.authority.documents.numbers",
    "safehand.authority.documents.photo_rules",
    "safehand.authority.custody",
    "safehand.authority.machines",
    "safehand.authority.made_documents",
    "safehand.authority.outward",
    "safehand.authority.process",
    "safehand.authority.router",
    "safehand.authority.rulebook",
    "safehand.postal.*.rules",
    "safehand.postal.*.states",
    "safehand.postal.item",
    "safehand.postal.machines",
    "safehand.postal.order",
    "safehand.postal.process",
    "safehand.postal.router",
    "safehand.postal.speaking",
    "safehand.postal.steps",
    "safehand.postal.waiting",
    "safehand.house.erasure",
    "safehand.house.statements",
    "safehand.link.codes",
    "safehand.link.identity_word",
    "safehand.link.proof",
    "safehand.kernel.check_digits",
    "safehand.kernel.hash_chain",
    "safehand.kernel.ledger",
    "safehand.kernel.machine",
    "safehand.kernel.money",
    "safehand.kernel.steps",
    "safehand.kernel.working_days",
)
"""Pure modules only. Functions that wait (`async def`) are left alone wherever they stand: they do, and don't decide."""


class Target(NamedTuple):
    """One module that is mutated."""

    module: str
    path: Path
    source: str


def targets() -> list[Target]:
    """Every module of `PATTERNS`, sorted by name."""
    found: list[Target] = []
    for path in sorted((SOURCES / "safehand").rglob("*.py")):
        module = module_of(path)
        if any(fnmatchcase(module, pattern) for pattern in PATTERNS):
            found.append(Target(module, path, path.read_text(encoding="utf-8")))
    return found


def module_of(path: Path) -> str:
    """`src/safehand/kernel/money.py` -> `safehand.kernel.money`."""
    words = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)
