"""Finds the faces of a picture and measures where they are and how they are held."""

from typing import Final

import msgspec
import numpy as np
from PIL import Image

from safehand.authority.pictures.models import Points, detectors, mesh_of

LOOKED_AT_PX_MAX: Final = 1_000
"""Faces are looked for in a copy no larger than this; a hundredth of a face's width is then still a pixel."""
SCORE_MIN: Final = 0.75
"""Measured: a cat scores 0.79 with one detector, no astronaut less than 0.88; the mesh has the last word."""
SCORE_DOUBTFUL: Final = 0.5
MESH_SURE: Final = 0.8
"""Measured: cats, cups and motor cycles reach 0.30, faces 0.99."""
FACES_LOOKED_AT_MAX: Final = 8
SAME_FACE_SHARE: Final = 0.5
"""Two finds whose middles are nearer than this share of their width are one face."""
SMALL_BESIDE: Final = 0.15
"""A face this much narrower than the largest is a picture on a wall or a badge, not a second person."""

# Points of the mesh (the numbering of the model card).
TOP, CHIN, LEFT_SIDE, RIGHT_SIDE = 10, 152, 234, 454
LEFT_EYE, RIGHT_EYE = (33, 133), (263, 362)
LEFT_LIDS, RIGHT_LIDS = ((159, 145), (158, 153)), ((386, 374), (385, 380))
LIPS, MOUTH_CORNERS = (13, 14), (78, 308)
PAIRS: Final = ((234, 454), (127, 356), (132, 361), (33, 263), (61, 291))
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of the face, once around."""


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """One face in px of the picture it was found in; angles in degrees.

    `left` and `right` are as the picture shows them. `roll` is positive when the head leans to the picture's right,
    `yaw` when it looks to the picture's right, `pitch` when it looks down. Openings are shares: of an eye's or the mouth's own width.
    """

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    left_side: tuple[float, float]
    right_side: tuple[float, float]
    chin: tuple[float, float]
    top: tuple[float, float]
    outline: tuple[tuple[float, float], ...]
    width_px: float
    eye_distance_px: float
    roll_degrees: float
    yaw_degrees: float
    pitch_degrees: float
    eye_opening: float
    mouth_gap: float

    @property
    def eye_line_px(self) -> float:
        """Height of the eyes below the picture's top."""
        return (self.left_eye[1] + self.right_eye[1]) / 2


class Faces(msgspec.Struct, frozen=True, kw_only=True):
    """Every face that is surely one, the largest first, and how many more may be one."""

    sure: tuple[Face, ...]
    doubtful: int


def faces_in(*, picture: Image.Image) -> Faces:
    """Finds all faces. `picture` is RGB and upright."""
    scale = min(1.0, LOOKED_AT_PX_MAX / max(picture.size))
    small = picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), reducing_gap=2.0
    )
    sure: list[tuple[float, Points]] = []
    doubtful = 0
    for score, points in _candidates(picture=small):
        certainty, mesh = _refined(picture=small, points=points)
        if certainty >= MESH_SURE and score >= SCORE_MIN:
            sure.append((_width(mesh), mesh))
        elif certainty >= MESH_SURE:
            doubtful += 1
    sure.sort(key=lambda one: -one[0])
    beside = [mesh for width, mesh in sure if width > SMALL_BESIDE * sure[0][0]]
    factor = np.array([picture.width / small.width, picture.height / small.height, 1 / scale])
    return Faces(sure=tuple(_face(mesh=mesh * factor) for mesh in beside), doubtful=doubtful)


def _candidates(*, picture: Image.Image) -> list[tuple[float, Points]]:
    """What either detector takes for a face, each face once, the best score of all looks."""
    near, far = detectors()
    looks = [
        *near.boxes(picture=picture, room=1.0, score_min=SCORE_DOUBTFUL),
        *near.boxes(picture=picture, room=1.6, score_min=SCORE_DOUBTFUL),
        *far.boxes(picture=picture, room=1.0, score_min=SCORE_DOUBTFUL),
        *far.boxes(picture=picture, room=1.6, score_min=SCORE_DOUBTFUL),
    ]
    looks.sort(key=lambda one: -one[0])
    distinct: list[tuple[float, Points]] = []
    for score, points in looks:
        if not any(_same(points, known) for _, known in distinct):
            distinct.append((score, points))
    return distinct[:FACES_LOOKED_AT_MAX]


def _same(one: Points, other: Points) -> bool:
    apart = float(np.linalg.norm((one[0] + one[1]) / 2 - (other[0] + other[1]) / 2))
    return apart < SAME_FACE_SHARE * float(max(np.ptp(one[:2, 0]), np.ptp(other[:2, 0])))


def _refined(*, picture: Image.Image, points: Points) -> tuple[float, Points]:
    """The mesh, looked for around the detector's box and then once more around what was found."""
    eyes = points[3] - points[2]
    _, mesh = mesh_of(
        picture=picture,
        middle=(points[0] + points[1]) / 2,
        side_px=float(max(np.ptp(points[:2, 0]), np.ptp(points[:2, 1]), 8.0)),
        turned=float(np.arctan2(eyes[1], eyes[0])),
    )
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    line = _eye(mesh, RIGHT_EYE) - _eye(mesh, LEFT_EYE)
    return mesh_of(
        picture=picture,
        middle=(low + high) / 2,
        side_px=float(max(*(high - low), 8.0)),
        turned=float(np.arctan2(line[1], line[0])),
    )


def _width(mesh: Points) -> float:
    return float(np.linalg.norm(mesh[RIGHT_SIDE, :2] - mesh[LEFT_SIDE, :2]))


def _eye(mesh: Points, corners: tuple[int, int]) -> Points:
    """The middle of an eye between its corners."""
    return (mesh[corners[0], :2] + mesh[corners[1], :2]) / 2


def _gap(mesh: Points, lids: tuple[int, int], corners: tuple[int, int]) -> float:
    """How far two points are apart, as a share of the distance of two others."""
    across = float(np.linalg.norm(mesh[corners[0], :2] - mesh[corners[1], :2]))
    return float(np.linalg.norm(mesh[lids[0], :2] - mesh[lids[1], :2])) / max(across, 1e-6)


def _face(*, mesh: Points) -> Face:
    left, right = _eye(mesh, LEFT_EYE), _eye(mesh, RIGHT_EYE)
    line = right - left
    roll = float(np.arctan2(line[1], line[0]))
    level = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    flat = mesh[:, :2] @ level.T
    # Depth against place, over pairs that mirror each other: the slope is the turn of the head.
    across = np.array([flat[b, 0] - flat[a, 0] for a, b in PAIRS])
    deeper = np.array([mesh[b, 2] - mesh[a, 2] for a, b in PAIRS])
    yaw = np.arctan2(float((across * deeper).sum()), float((across**2).sum()))
    down = np.arctan2(mesh[CHIN, 2] - mesh[TOP, 2], flat[CHIN, 1] - flat[TOP, 1])

    def place(point: Points) -> tuple[float, float]:
        return float(point[0]), float(point[1])

    return Face(
        left_eye=place(left),
        right_eye=place(right),
        left_side=place(mesh[LEFT_SIDE]),
        right_side=place(mesh[RIGHT_SIDE]),
        chin=place(mesh[CHIN]),
        top=place(mesh[TOP]),
        outline=tuple(place(mesh[one]) for one in OVAL),
        width_px=_width(mesh),
        eye_distance_px=float(np.linalg.norm(line)),
        roll_degrees=float(np.degrees(roll)),
        yaw_degrees=float(np.degrees(yaw)),
        pitch_degrees=float(np.degrees(down)),
        eye_opening=min(
            np.mean([_gap(mesh, lids, LEFT_EYE) for lids in LEFT_LIDS]),
            np.mean([_gap(mesh, lids, RIGHT_EYE) for lids in RIGHT_LIDS]),
        ).item(),
        mouth_gap=_gap(mesh, LIPS, MOUTH_CORNERS),
    )
