"""What a finder of faces learns from: pictures with and without a face, with holes.

A picture with a face is a portrait laid into a place at another position, size and turn. So that
the network looks at faces and not at how they were laid in, what is laid in is cut out around
another middle and by another turn than the face's; and pictures without a face often have something
else laid in by the same rules: part of another place, or a portrait upside down or in pieces. All
of the picture then goes through the same changes of light, sharpness, noise and JPEG, and a hole is
drawn that covers up to about two thirds of the face.

A picture is a function of (seed, number) alone. Its hole is drawn finer than the picture, so that
pixels are known in part, as they are where ``inpaint.faces`` shrinks a photo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.faces.network import CELL, DEGREES, OCTAVES, PLACE
from inpaint.faces.pose import Pose, divided, share_of_face
from pretrain import data, holes

VIEWS = 2  # sides of the framing square that a picture shows
FINER = 2  # how much larger the hole is drawn
MASKS = 500
GRID = (np.arange(32) + 0.5) / 16 - 1  # of the masks with which a portrait is laid in
LEARNT, UNKNOWN = (
    0.7,
    0.85,
)  # hidden shares of eyes, nose and mouth up to which a face is one, and beyond which it is none
NEAR, FAR = 0.09, 0.22  # distances from the true place, in sides: up to which yes, beyond which no
LIKE, UNLIKE = 0.35, 0.6  # the same of the size, in octaves
TURNED, FALLEN = 20.0, 35.0  # the same of the turn, in degrees


@dataclass(frozen=True)
class Batch:
    """Pictures for one step.

    Attributes
    ----------
    x : ndarray (N, S, S, 4), float32
        Colours and known share, as ``inpaint.faces.pose.seen`` gives them.
    wanted : ndarray (N, S/4, S/4, 6), float32
        1 where a face is, 0 where none is, and -1 where the network may say either; x, y, size and
        turn in the network's units, of the nearest face; and 1 where those are to be learnt.
    """

    x: np.ndarray
    wanted: np.ndarray


@dataclass(frozen=True)
class Composer:
    """Draws pictures by number.

    Attributes
    ----------
    portraits : data.Images
        Framed as the finder shall find them.
    places : tuple of data.Images
        Pictures without faces.
    masks : ndarray (M, S, S) of uint8
        Holes to take from, 1 = hole.
    size : int
        Side of the framing square in the network's pixels.
    seed : int
        Of everything random.
    """

    portraits: data.Images
    places: tuple[data.Images, ...]
    masks: np.ndarray
    size: int
    seed: int = 0

    @classmethod
    def make(
        cls, portraits: data.Images, places: tuple[data.Images, ...], *, size: int, seed: int = 0
    ) -> Composer:
        """Draw the holes."""
        masks = holes.draw(MASKS, 128, seed=seed).astype(np.uint8)
        return cls(portraits, places, masks, size, seed)

    def batch(self, count: int, *, step: int, face: bool) -> Batch:
        """``count`` pictures of a step, with or without a face."""
        drawn = [self.one(step * count + i, face=face) for i in range(count)]
        return Batch(*(np.stack(parts) for parts in zip(*drawn, strict=True)))

    def one(self, number: int, *, face: bool) -> tuple[np.ndarray, np.ndarray]:
        """One picture (S, S, 4) and what is wanted of the network (S/4, S/4, 6)."""
        rng = np.random.default_rng([self.seed, 23, int(face), number])
        side = VIEWS * self.size
        canvas, inside = self._place(rng, side), np.ones((side, side), np.float32)
        pose = _pose(rng, side, self.size)
        if face:
            canvas, inside, pose = self._with_face(rng, canvas, inside, pose)
        elif rng.random() < 0.5:
            canvas = self._with_other(rng, canvas, pose)
        canvas = _treated(rng, canvas)
        known = inside * (1 - self._hole(rng, side, pose, face=face))
        view = np.dstack([canvas.astype(np.float32) * (known[..., None] / 255), known])
        upright = face and abs(pose.turn) < FALLEN
        return divided(view), _wanted(pose if upright else None, known, self.size)

    def _place(self, rng: np.random.Generator, side: int) -> np.ndarray:
        """A square part of a place, (side, side, 3) uint8."""
        places = self.places[int(rng.integers(len(self.places)))]
        return _part(rng, places.pixels[int(rng.integers(len(places)))], side)

    def _with_face(
        self, rng: np.random.Generator, canvas: np.ndarray, inside: np.ndarray, pose: Pose
    ) -> tuple[np.ndarray, np.ndarray, Pose]:
        """A portrait in the place; sometimes the picture ends not far from it."""
        portrait = self.portraits.pixels[int(rng.integers(len(self.portraits)))]
        portrait = portrait[:, ::-1] if rng.random() < 0.5 else portrait
        canvas, side = _laid(rng, canvas, portrait, pose), canvas.shape[0]
        if rng.random() < 0.6:
            return canvas, inside, pose
        edges = rng.uniform(0.3, 1.1, 4) * pose.side
        x, y = np.arange(side) + 0.5 - pose.x, np.arange(side) + 0.5 - pose.y
        shown = ((-edges[0] < y) & (y < edges[1]))[:, None] & (-edges[2] < x) & (x < edges[3])
        return canvas, inside * shown, pose

    def _with_other(self, rng: np.random.Generator, canvas: np.ndarray, pose: Pose) -> np.ndarray:
        """Something that is no upright face, laid in as a face is."""
        kind = rng.random()
        if kind < 0.4:
            other = self._place(rng, self.portraits.size)
            return _laid(rng, canvas, other, pose)
        portrait = self.portraits.pixels[int(rng.integers(len(self.portraits)))]
        n = portrait.shape[0] // 4
        if kind < 0.6:  # in pieces
            cells = (
                portrait[: 4 * n, : 4 * n]
                .reshape(4, n, 4, n, 3)
                .swapaxes(1, 2)
                .reshape(16, n, n, 3)
            )
            cells = cells[rng.permutation(16)].reshape(4, 4, n, n, 3).swapaxes(1, 2)
            return _laid(rng, canvas, np.ascontiguousarray(cells.reshape(4 * n, 4 * n, 3)), pose)
        if kind < 0.8:  # hair, ear, neck: parts without the middle
            corner = rng.integers(0, 2, 2) * 2 * n
            part = portrait[corner[0] : corner[0] + 2 * n, corner[1] : corner[1] + 2 * n]
            return _laid(rng, canvas, cv2.resize(part, (4 * n, 4 * n)), pose)
        fallen = Pose(pose.x, pose.y, pose.side, float(rng.uniform(50, 310)))
        return _laid(rng, canvas, portrait, fallen)

    def _hole(self, rng: np.random.Generator, side: int, pose: Pose, *, face: bool) -> np.ndarray:
        """A hole near the square of ``pose``: the share of each pixel, (side, side) float32."""
        hole = np.zeros((FINER * side, FINER * side), np.uint8)
        pose = pose.scaled(FINER)
        for _ in range(6):
            hole[:] = 0
            mask = self.masks[int(rng.integers(len(self.masks)))]
            mask = np.rot90(mask, int(rng.integers(4)))
            length = max(4, round(pose.side * rng.uniform(0.4, 1.6)))
            spread = rng.normal(0, 0.2, 2) * pose.side
            x, y = int(pose.x + spread[0] - length / 2), int(pose.y + spread[1] - length / 2)
            mask = cv2.resize(mask, (length, length), interpolation=cv2.INTER_NEAREST)
            _put(hole, mask, y, x)
            if not face or share_of_face(hole.astype(np.float32), pose) <= LEARNT:
                break
        share = cv2.resize(hole * np.float32(1), (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(share)


def _pose(rng: np.random.Generator, side: int, window: float) -> Pose:
    """Mostly one that is to be found, sometimes of a size or turn that is not."""
    u = (
        rng.uniform(-0.4, 0.4)
        if rng.random() < 0.8
        else rng.uniform(0.5, 1.3) * rng.choice([-1, 1])
    )
    turn = rng.uniform(-TURNED, TURNED) if rng.random() < 0.9 else rng.uniform(-180, 180)
    x, y = rng.uniform(0.15, 0.85, 2) * side
    return Pose(float(x), float(y), float(window * 2**u), float(turn))


def _part(rng: np.random.Generator, image: np.ndarray, side: int) -> np.ndarray:
    """A random square of an image, at least 64 of its pixels, mirrored or not, at ``side``."""
    whole = min(image.shape[:2])
    length = int(rng.integers(min(64, whole), whole + 1))
    y, x = (int(rng.integers(0, n - length + 1)) for n in image.shape[:2])
    part = image[y : y + length, x : x + length]
    part = part[:, ::-1] if rng.random() < 0.5 else part
    how = cv2.INTER_AREA if length > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (side, side), interpolation=how))


def _warped(image: np.ndarray, pose: Pose, side: int, border: int) -> np.ndarray:
    """An image whose whole is the square of ``pose``, in a picture of ``side`` pixels."""
    while pose.side < 0.6 * image.shape[0]:
        image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    forth = pose.matrix(image.shape[0])
    return np.asarray(
        cv2.warpAffine(image, forth, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    )


def _laid(
    rng: np.random.Generator, canvas: np.ndarray, image: np.ndarray, pose: Pose
) -> np.ndarray:
    """The image laid into the canvas at a pose, within a soft ellipse or rounded square."""
    power = rng.choice([2.0, 2.5, 4.0, 8.0])
    # Not around the face, nor turned like it: the network would learn that instead.
    v = np.abs((GRID + rng.uniform(-0.25, 0.25)) / rng.uniform(0.7, 1.2)) ** power
    u = np.abs((GRID + rng.uniform(-0.25, 0.25)) / rng.uniform(0.6, 1.2)) ** power
    radius = (u[None, :] + v[:, None]) ** (1 / power)
    alpha = np.clip((1 - radius) / rng.uniform(0.03, 0.3), 0, 1).astype(np.float32)
    side = canvas.shape[0]
    if rng.random() < 0.5:  # in another light than its surroundings
        image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.7, 1.2), beta=rng.uniform(-20, 25))
    over = _warped(image, pose, side, cv2.BORDER_REFLECT_101)
    turned = Pose(pose.x, pose.y, pose.side, pose.turn + float(rng.uniform(-45, 45)))
    share = _warped(alpha, turned, side, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.blendLinear(over, canvas, share, 1 - share))


def _treated(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Light, colour, sharpness, noise and JPEG of files as they come; uint8."""
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.7:
        levels = np.arange(256) / 255
        table = levels ** math.exp(rng.normal(0, 0.25)) * rng.uniform(0.7, 1.2)
        tint = 1 + rng.normal(0, 0.06, 3)
        table = table[:, None] * tint + rng.uniform(-0.08, 0.08)
        image = cv2.LUT(image, np.rint(np.clip(table, 0, 1) * 255).astype(np.uint8)[:, None])
    if rng.random() < 0.1:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 14))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.4:
        quality = int(rng.integers(25, 95))
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return image


def _put(canvas: np.ndarray, mask: np.ndarray, y: int, x: int) -> None:
    """Add a mask to the canvas with its corner at (y, x), cut at the borders."""
    rows, columns = (
        slice(max(0, at), min(side, at + length))
        for at, side, length in zip((y, x), canvas.shape, mask.shape, strict=True)
    )
    part = mask[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    if rows.start < rows.stop and columns.start < columns.stop:
        np.maximum(canvas[rows, columns], part, out=canvas[rows, columns])


def _wanted(pose: Pose | None, known: np.ndarray, size: int) -> np.ndarray:
    """What the network shall say of a face, or of none, (side/4, side/4, 6); see ``Batch``."""
    cells = known.shape[0] // CELL
    wanted = np.zeros((cells, cells, 6), np.float32)
    if pose is None:
        return wanted
    octaves, lost = math.log2(pose.side / size), 1 - share_of_face(known, pose)
    if abs(octaves) > UNLIKE or (lost > UNKNOWN and _gone(known, pose)):
        return wanted
    places = CELL * (np.arange(cells) + 0.5)
    dx, dy = (pose.x - places[None, :]) / size, (pose.y - places[:, None]) / size
    away = np.hypot(dx, dy) * size / pose.side
    likely = abs(octaves) <= LIKE and abs(pose.turn) <= TURNED and lost <= LEARNT
    wanted[..., 0] = np.where((away < NEAR) & likely, 1, np.where(away < FAR, -1, 0))
    wanted[..., 1] = dx / PLACE
    wanted[..., 2] = dy / PLACE
    wanted[..., 3] = octaves / OCTAVES
    wanted[..., 4] = pose.turn / DEGREES
    wanted[..., 5] = (away < 0.15) & (abs(octaves) < 0.5) & (lost <= LEARNT)
    return wanted


def _gone(known: np.ndarray, pose: Pose) -> bool:
    """Whether not even the outline of the head is left."""
    whole = cv2.warpAffine(
        known, pose.matrix(16), (16, 16), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return bool(whole.mean() < 1 - UNKNOWN)
