"""The simulation's tests keep their databases and empty them between tests, as the kernel's do."""

from tests.kernel.conftest import emptied_database, kept_databases

__all__ = ["emptied_database", "kept_databases"]
