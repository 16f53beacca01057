"""Writes what a partner's engineer needs into `docs/link`: a JSON schema of every message, and golden messages.

`python -m safehand.link.schemas` writes them anew; a test fails while the files differ from the code.
"""

import sys
from pathlib import Path

import msgspec

from safehand.link.endpoint import Refused
from safehand.link.golden import write_golden
from safehand.link.messages import BODIES, DeliveryPart, ReceiverPart
from safehand.link.pump import RunAnswers, Runs

FOLDER = Path("docs/link")


def schema_files() -> dict[str, bytes]:
    """File name -> JSON schema (draft 2020-12) of every message body, the envelope, the answers and the parts."""
    shapes: dict[str, type] = {
        f"{int(kind)}-{kind.name.lower().replace('_', '-')}.json": body for kind, body in BODIES.items()
    }
    shapes |= {
        "push.json": Runs,
        "answer.json": RunAnswers,
        "refused.json": Refused,
        "delivery-part.json": DeliveryPart,
        "receiver-part.json": ReceiverPart,
    }
    return {name: _schema(shape) for name, shape in shapes.items()}


def _schema(shape: type) -> bytes:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(shape)}
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted")) + b"\n"


def write_schemas(*, folder: Path) -> list[Path]:
    """Write all schemas; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = schema_files()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


if __name__ == "__main__":
    written = [*write_schemas(folder=FOLDER / "schemas"), *write_golden(folder=FOLDER / "golden")]
    sys.stdout.write(f"{len(written)} files written below {FOLDER}\n")
