"""Fetches what `package-lock.json` names into `node_modules`, each package by its hash: `npm ci` without Node.

Python's standard library only. A package comes from where the lock says, or from the registry that npm was told to ask instead
(`npm_config_registry`, `.npmrc`); since its hash is in the lock, it does not matter who sends it. Nothing in a package is run.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
INTO = HERE / "node_modules"
STAMP = INTO / ".fetched"
PACKAGE_BYTES_MAX = 64_000_000
UNPACKED_BYTES_MAX = 256_000_000
ANSWER_SECONDS_MAX = 60
PAUSES_SECONDS = (1, 4)
"""Between the tries."""


def main() -> int:
    """Bring `node_modules` to what the lock says; 0 when it stands so."""
    asked = (HERE / "package.json").read_bytes()
    text = (HERE / "package-lock.json").read_bytes()
    said = hashlib.sha256(asked + text).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == said:
        return 0
    fresh = HERE / f"node_modules.new-{os.getpid()}"
    for leftover in HERE.glob("node_modules.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    kept = json.loads(asked)["keep"]
    for place, package in json.loads(text)["packages"].items():
        if not place or package.get("dev"):
            continue
        name = place.removeprefix("node_modules/")
        unpack(fetched(name, package), fresh / name, kept.get(name, ["*"]))
    (fresh / STAMP.name).write_text(said)
    shutil.rmtree(INTO, ignore_errors=True)
    fresh.rename(INTO)
    return 0


def registry() -> str:
    """The registry that npm was told to ask, in the environment or in a file `.npmrc`; empty: none."""
    for name, value in os.environ.items():
        if name.lower() == "npm_config_registry" and value:
            return value.rstrip("/")
    for file in (HERE / ".npmrc", Path.home() / ".npmrc"):
        for line in file.read_text(errors="replace").splitlines() if file.is_file() else ():
            key, _, value = line.partition("=")
            if key.strip() == "registry" and value.strip():
                return value.strip().rstrip("/")
    return ""


def address_of(name: str, package: dict[str, str]) -> str:
    """Where the package is."""
    told = registry()
    address = (
        f"{told}/{name}/-/{name.rpartition('/')[2]}-{package['version']}.tgz" if told else package["resolved"]
    )
    if not address.startswith(("https://", "http://")):
        sys.exit(f"package-lock.json: {address!r}, for {name}, is no web address.")
    return address


def fetched(name: str, package: dict[str, str]) -> bytes:
    """The package as it was published. Ends the command with a sentence when it can't be had, or is another."""
    kind, _, wanted = package["integrity"].partition("-")
    if kind != "sha512":
        sys.exit(
            f"package-lock.json: the hash of {name} is {kind}, not sha512; make the lock anew with npm 9 or later."
        )
    data = read(address_of(name, package))
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != wanted:
        sys.exit(
            f"{name} {package['version']} is not what the lock names (its hash differs). Nothing was unpacked."
        )
    return data


def read(address: str) -> bytes:
    """What stands at an address, tried three times."""
    wrong = ""
    for pause in (*PAUSES_SECONDS, None):
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_SECONDS_MAX) as answer:  # noqa: S310 - see address_of
                data = answer.read(PACKAGE_BYTES_MAX + 1)
            if len(data) > PACKAGE_BYTES_MAX:
                sys.exit(f"{address}: more than {PACKAGE_BYTES_MAX:,} bytes.")
            return data
        except (urllib.error.URLError, OSError) as error:
            wrong = str(error)
        if pause is not None:
            time.sleep(pause)
    sys.exit(
        f"{address} can't be had: {wrong}\nIs the npm registry reachable? Name another with npm_config_registry."
    )


def unpack(data: bytes, into: Path, kept: list[str]) -> None:
    """Of the plain files those that `package.json` keeps, and none outside its folder."""
    total = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            if not member.isfile():
                continue
            parts = PurePosixPath(member.name).parts[1:]  # the first is npm's own: `package/`
            total += member.size
            if not parts or ".." in parts or total > UNPACKED_BYTES_MAX:
                sys.exit(f"{into.name}: {member.name!r} is no file that a package may have.")
            if not any(fnmatch.fnmatchcase("/".join(parts), pattern) for pattern in kept):
                continue
            source = archive.extractfile(member)
            assert source is not None, "it is a plain file"
            target = into.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())


if __name__ == "__main__":
    sys.exit(main())
