"""What browsers get that we did not write comes by hash, as plain files, and only what is kept of it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, VERSION = "kind-words", "1.2.3"


class Registry:
    """A package registry with one package, and a project that wants it."""

    def __init__(self, folder: Path) -> None:
        self.served, self.project = folder / "served", folder / "web"
        self.project.mkdir(parents=True)
        shutil.copy(ROOT / "web" / "fetch.py", self.project)
        (self.project / "package.json").write_text(json.dumps({"keep": {PACKAGE: ["dist/*.js"]}}))
        served = self.served

        class Quiet(SimpleHTTPRequestHandler):
            def __init__(self, *given: object) -> None:
                super().__init__(*given, directory=str(served))  # type: ignore[arg-type]

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def offers(self, files: dict[str, bytes], *, hash_of: bytes | None = None) -> None:
        """Serve these files as the package; the lock names its hash, or that of something else."""
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name, body in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(body)
                archive.addfile(member, io.BytesIO(body))
        place = self.served / PACKAGE / "-"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{PACKAGE}-{VERSION}.tgz").write_bytes(made.getvalue())
        digest = base64.b64encode(hashlib.sha512(hash_of or made.getvalue()).digest()).decode()
        locked = {"version": VERSION, "integrity": f"sha512-{digest}"}
        lock = {"packages": {"": {}, f"node_modules/{PACKAGE}": locked}}
        (self.project / "package-lock.json").write_text(json.dumps(lock))

    def fetched(self) -> subprocess.CompletedProcess[str]:
        """Run the fetching as `./do` runs it."""
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        return subprocess.run(
            [sys.executable, str(self.project / "fetch.py")],
            env=os.environ | {"npm_config_registry": address},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.server.shutdown()


def test_a_package_comes_by_its_hash_and_only_what_is_kept_of_it(registry):
    registry.offers({"package/dist/a.js": b"1", "package/dist/a.js.map": b"2", "package/install.sh": b"3"})
    assert registry.fetched().returncode == 0
    found = [path.name for path in (registry.project / "node_modules" / PACKAGE).rglob("*") if path.is_file()]
    assert found == ["a.js"]


def test_what_stands_already_is_not_asked_for_again(registry):
    registry.offers({"package/dist/a.js": b"1"})
    assert registry.fetched().returncode == 0
    shutil.rmtree(registry.served)
    assert registry.fetched().returncode == 0


def test_another_package_than_the_locked_one_is_not_unpacked(registry):
    registry.offers({"package/dist/a.js": b"1"}, hash_of=b"what was published")
    said = registry.fetched()
    assert said.returncode == 1
    assert "not what the lock names" in said.stderr
    assert not (registry.project / "node_modules").exists()


@pytest.mark.parametrize("name", ["package/../../dist/a.js", "package/dist/../../../a.js"])
def test_a_file_outside_its_folder_is_refused(registry, name):
    registry.offers({name: b"1"})
    said = registry.fetched()
    assert said.returncode == 1
    assert "no file that a package may have" in said.stderr
    assert not (registry.project / "node_modules").exists()
