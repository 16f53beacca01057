"""Keys and nonces come from the operating system; only a simulator may replay them."""

from pathlib import Path

from safehand.kernel.entropy import drawn_from, random_bytes


def test_two_draws_differ() -> None:
    assert random_bytes(32) != random_bytes(32)
    assert len(random_bytes(12)) == 12


def test_a_replayed_source_gives_its_own_bytes_and_only_within() -> None:
    with drawn_from(lambda count: bytes(count)):
        assert random_bytes(8) == bytes(8)
    assert random_bytes(8) != bytes(8)


def test_nobody_but_the_simulator_replaces_the_source() -> None:
    callers = {
        str(path)
        for path in Path("src/safehand").rglob("*.py")
        if "drawn_from" in path.read_text(encoding="utf-8") and path.name != "entropy.py"
    }
    assert all("/simulation/" in caller for caller in callers), callers
