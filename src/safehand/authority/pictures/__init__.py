"""Pictures of an application: taken in, measured, judged by dated rules, mended where crop and scaling suffice."""

from safehand.authority.pictures.examination import Examined, Judged, examine, examine_photo
from safehand.authority.pictures.examining import Examining
from safehand.authority.pictures.findings import Finding, Outcome
from safehand.authority.pictures.mending import Mend, mended
from safehand.authority.pictures.uploads import KINDS, Kind, Source, Taken, reopened, taken_in

__all__ = [
    "KINDS",
    "Examined",
    "Examining",
    "Finding",
    "Judged",
    "Kind",
    "Mend",
    "Outcome",
    "Source",
    "Taken",
    "examine",
    "examine_photo",
    "mended",
    "reopened",
    "taken_in",
]
