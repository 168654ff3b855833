"""Where a face lies in a picture: place, size and turn of the square that frames it.

The square frames the head as the portraits' prior knows it (FFHQ's framing: the eyes a quarter of
the side apart, at 47 % of the height). Coordinates are continuous: pixel k covers [k, k + 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Pose:
    """A square of side ``side`` around (x, y), turned by ``turn`` degrees.

    Attributes
    ----------
    x, y : float
        Its centre, in pixels from the picture's upper left corner.
    side : float
        Its side in pixels.
    turn : float
        In degrees; above 0 the head leans to the right as the viewer sees it (clockwise).
    """

    x: float
    y: float
    side: float
    turn: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """The affine map (2, 3) of a view of ``size`` pixels to the picture, in pixel indices.

        With (u, v) a place in the view and c = cos(turn), s = sin(turn), scale f = side / size::

            x' = x + f (c (u - size/2) - s (v - size/2))
            y' = y + f (s (u - size/2) + c (v - size/2))
        """
        f, angle = self.side / size, math.radians(self.turn)
        c, s = f * math.cos(angle), f * math.sin(angle)
        middle = (size - 1) / 2  # of pixel indices, which lie half a pixel before the centres
        x, y = self.x - 0.5, self.y - 0.5
        rows = [[c, -s, x - (c - s) * middle], [s, c, y - (s + c) * middle]]
        return np.array(rows, np.float64)

    def box(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right of the upright box that holds the square."""
        angle = math.radians(self.turn)
        half = self.side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle)))
        return self.y - half, self.x - half, self.y + half, self.x + half

    def scaled(self, factor: float) -> Pose:
        """The same square in a picture that is enlarged by ``factor``."""
        return Pose(self.x * factor, self.y * factor, self.side * factor, self.turn)

    def moved(self, dx: float, dy: float) -> Pose:
        """The same square in a picture whose corner lies at (-dx, -dy)."""
        return Pose(self.x + dx, self.y + dy, self.side, self.turn)

    def inner(self, place: Pose) -> Pose:
        """The pose in the picture of what has the pose ``place`` in this square.

        ``place`` is in units of the side: the square itself is ``Pose(0.5, 0.5, 1.0)``.
        """
        angle = math.radians(self.turn)
        u, v = (place.x - 0.5) * self.side, (place.y - 0.5) * self.side
        x = self.x + math.cos(angle) * u - math.sin(angle) * v
        y = self.y + math.sin(angle) * u + math.cos(angle) * v
        return Pose(x, y, self.side * place.side, self.turn + place.turn)


def seen(image: np.ndarray, known: np.ndarray, pose: Pose, size: int) -> np.ndarray:
    """The square of a pose as a view, from known pixels only.

    Parameters
    ----------
    image : ndarray (H, W, 3), float32 in [0, 1]
        Zero where nothing is known.
    known : ndarray (H, W), float32 in [0, 1]
        How much of each pixel is known.
    pose : Pose
        Of the view; it may reach beyond the picture, where nothing is known.
    size : int
        Side of the view in pixels.

    Returns
    -------
    ndarray (size, size, 4), float32
        Colours, zero where less than ``KNOWN`` is known, and what share of each pixel is known.
    """
    planes = np.dstack([image, known])
    top, left, bottom, right = pose.box()
    # Bilinear sampling looks at two pixels each way, so that a finer picture is shrunk before.
    y0, x0 = max(0, int(top) - 2), max(0, int(left) - 2)
    planes = planes[y0 : max(0, math.ceil(bottom) + 2), x0 : max(0, math.ceil(right) + 2)]
    if not planes.size:
        return np.zeros((size, size, 4), np.float32)
    matrix = pose.moved(-x0, -y0).matrix(size)
    if pose.side > size:
        rows, columns = (max(1, math.ceil(n * size / pose.side)) for n in planes.shape[:2])
        shrunk = np.array([columns / planes.shape[1], rows / planes.shape[0]])
        planes = cv2.resize(planes, (columns, rows), interpolation=cv2.INTER_AREA)
        matrix *= shrunk[:, None]
        matrix[:, 2] += 0.5 * shrunk - 0.5  # of pixel indices, as in Pose.matrix
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    planes = cv2.warpAffine(planes, matrix, (size, size), flags=how)
    return divided(planes)


KNOWN = 0.2  # least known share of a pixel whose colour is used


def divided(planes: np.ndarray) -> np.ndarray:
    """Colours from sums over known pixels: (H, W, 4) of colour times share, and share."""
    share = planes[..., 3:]
    colours = np.where(share < KNOWN, 0, planes[..., :3] / np.maximum(share, KNOWN))
    return np.concatenate([np.clip(colours, 0, 1), share * (share >= KNOWN)], 2).astype(np.float32)


# Eyes, nose and mouth, an ellipse in the square: as wide as ``FACE`` and ``TALLER`` times as high.
FACE = Pose(0.5, 0.55, 0.5)
TALLER = 1.3
_GRID = 16
_ROUND = np.hypot(*(np.mgrid[:_GRID, :_GRID] - (_GRID - 1) / 2)) < _GRID / 2


def share_of_face(share: np.ndarray, pose: Pose) -> float:
    """The mean over eyes, nose and mouth of ``share`` (H, W), which is 0 beyond the picture."""
    matrix, middle = pose.inner(FACE).matrix(_GRID), np.full(2, (_GRID - 1) / 2)
    centre = matrix[:, :2] @ middle + matrix[:, 2]
    matrix[:, 1] *= TALLER
    matrix[:, 2] = centre - matrix[:, :2] @ middle
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return float(cv2.warpAffine(share, matrix, (_GRID, _GRID), flags=how)[_ROUND].mean())
