"""Faces in a photo: the part of the hole on a face is filled by the portraits' prior at its pose.

A prior of portraits knows heads that are framed alike. The square around a found face
(``inpaint.faces``) is brought upright to a size at which the prior and its network see all they
can; their fill is brought back and blended into the photo. What lies outside the head stays hole,
for the prior of places, which then sees the filled face as known.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch

from inpaint import images
from inpaint.faces import Face, Pose
from inpaint.faces import find as search_faces
from inpaint.faces.align import confirmed
from inpaint.images import Picture
from inpaint.images.grain import add_grain
from inpaint.images.resize import fill_nearest
from inpaint.pipeline import prior as priors
from inpaint.pipeline.choose import coarse_view, families, overview
from inpaint.pipeline.filler import Filler
from inpaint.pipeline.groups import Box
from inpaint.pipeline.prepare import prepare
from inpaint.pipeline.report import Report
from inpaint.search import SearchOptions
from inpaint.stages import chain
from inpaint.stages.poisson import blend

log = logging.getLogger(__name__)
# Sides of the upright square in pixels: the network's detail ends at the smaller one, and beyond
# the larger one a finer view costs time and adds nothing.
LEAST_SIDE, MOST_SIDE = 128, 256
# The head in the square: |x / WIDE|^4 + |y / HIGH|^4 < 1, with x and y from -1 to 1.
WIDE, HIGH = 0.9, 0.97
FEWEST = 16  # hole pixels on a head that are worth a fill of their own


@dataclass(frozen=True)
class FilledFace:
    """The part of the hole that lies on one face, filled.

    Attributes
    ----------
    where : (slice, slice)
        Rows and columns of the picture.
    own : ndarray (h, w) of bool
        Its pixels there.
    fills : list of ndarray (h, w, 3)
        One for each candidate, float in [0, 1].
    report : Report
        What was done.
    """

    where: tuple[slice, slice]
    own: np.ndarray
    fills: list[np.ndarray]
    report: Report


def fill_faces(
    picture: Picture,
    mask: np.ndarray,
    unknown: np.ndarray,
    *,
    place: str,
    mode: str,
    search: SearchOptions | Mapping[str, Any] | None,
    candidates: int,
    seed: int,
    device: torch.device,
) -> list[FilledFace]:
    """Find the faces that the hole touches and fill it there.

    Parameters
    ----------
    picture : Picture
        Not modified.
    mask : ndarray (H, W) of bool
        True = hole.
    unknown : ndarray (H, W) of bool
        All that may not be read, the hole among it.
    place : str
        The Gaussian prior that was chosen for the picture, which a face must be unlike.
    mode, search, candidates, seed, device
        As ``compose.complete`` has them.

    Returns
    -------
    list of FilledFace
        Surest face first; none where no finder is installed or no face is found. Their pixels do
        not overlap.
    """
    network, members = search_faces.finder(), families()
    if network is None or network.family not in members:
        return []
    family = members[network.family]
    found = _found(network, picture, mask, unknown, family["gaussian"], place)
    if not found:
        return []
    known = replace(priors.known(family["gaussian"], device), chosen=True)
    filler = prepare(
        known,
        mode=mode,
        stages=chain.AUTO,
        search=search,
        candidates=candidates,
        device=device,
        steered=False,
        on_stage=None,
    )
    made: list[FilledFace] = []
    rest, transparent = mask.copy(), None if unknown is mask else unknown & ~mask
    for number, face in enumerate(found):
        one = _filled(picture, rest, unknown, transparent, face, known, filler, seed=seed + number)
        if one:
            rest[one.where][one.own] = False
            made.append(one)
    return made


def paste_faces(
    found: Sequence[FilledFace],
    picture: Picture,
    fills: Sequence[Picture],
    mask: np.ndarray,
    unknown: np.ndarray,
    *,
    first: int,
    opaque: bool,
) -> tuple[Picture, np.ndarray, np.ndarray]:
    """Paste filled faces into ``fills``, the candidates from the number ``first`` on.

    ``picture``, ``mask`` (H, W) and ``unknown`` (H, W) are those of ``fill_faces``; returned are
    the picture with the faces of the very first candidate, which the rest of every candidate is
    filled beside, and what is hole and what is unknown in it, (H, W) of bool.
    """
    picture = replace(picture, pixels=picture.pixels.copy())
    rest, dark = mask.copy(), unknown.copy()
    for one in found:
        pairs = [(picture, one.fills[0]), *zip(fills, one.fills[first:], strict=True)]
        for target, filled in pairs:
            part = images.with_hole(images.part(target, one.where), one.own, filled, opaque=opaque)
            target.pixels[one.where] = part.pixels
        rest[one.where][one.own] = False
        dark[one.where][one.own] = False
    return picture, rest, rest if unknown is mask else dark


def _found(
    network: search_faces.Finder,
    picture: Picture,
    mask: np.ndarray,
    unknown: np.ndarray,
    portraits: str,
    place: str,
) -> list[Face]:
    """The faces that the hole touches, in the picture's own pixels."""
    small, dark = overview(picture, unknown)
    factor = max(1, max(mask.shape) // max(dark.shape))
    hole = mask
    if factor > 1:
        rows, columns = dark.shape
        blocks = mask[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
        hole = blocks.mean((1, 3), dtype=np.float32) > 0.5
    found = search_faces.find(network, small, hole, dark | hole)
    if found:
        models = coarse_view(portraits), coarse_view(place)
        found = confirmed(found, small, dark | hole, *models)
    log.info("%d faces at the hole", len(found))
    return [replace(face, pose=face.pose.scaled(factor)) for face in found]


def head(pose: Pose, where: tuple[slice, slice]) -> np.ndarray:
    """Where the head of a face lies in a part of the picture, rows and columns: (h, w) bool."""
    rows, columns = where
    y, x = np.mgrid[rows, columns] + 0.5
    angle, half = math.radians(pose.turn), pose.side / 2
    c, s = math.cos(angle) / half, math.sin(angle) / half
    u, v = c * (x - pose.x) + s * (y - pose.y), c * (y - pose.y) - s * (x - pose.x)
    inside: np.ndarray = (u / WIDE) ** 4 + (v / HIGH) ** 4 < 1
    return inside


def _filled(
    picture: Picture,
    mask: np.ndarray,
    unknown: np.ndarray,
    transparent: np.ndarray | None,
    face: Face,
    known: priors.Known,
    filler: Filler,
    *,
    seed: int,
) -> FilledFace | None:
    """Fill the hole on one face; None where it is thin, so that no prior is needed.

    ``transparent`` (H, W) of bool marks what is unknown and not to be filled; None if nothing is.
    """
    pose = face.pose
    edges = pose.box()
    top, left = (max(0, math.floor(edge)) for edge in edges[:2])
    bottom, right = (min(n, math.ceil(edge)) for n, edge in zip(mask.shape, edges[2:], strict=True))
    where = slice(top, bottom), slice(left, right)
    own = mask[where] & head(pose, where)
    if np.count_nonzero(own) < FEWEST:
        return None
    image, dark = images.rgb01(images.part(picture, where)), unknown[where]
    here = pose.moved(-left, -top)
    side = int(np.clip(round(pose.side), LEAST_SIDE, MOST_SIDE))
    view, hidden = upright(image, dark, here, side)
    hole = None
    if transparent is not None:
        hole = hidden & ~upright(image, transparent[where], here, side)[1]
    made = filler(view, hidden, seed=seed, hole=hole)
    if made.way.method != "prior":
        return None
    fills = []
    for number, fill in enumerate(made.fills):
        back, inside = laid_back(fill, here, dark.shape)
        # Beyond the square the fill itself counts as known, so that the blend ends there.
        ground = np.where((dark & ~inside)[..., None], back, image)
        blended = blend(ground, back, dark & inside)
        cut = pose.side / LEAST_SIDE
        fills.append(add_grain(blended, own, ~dark, coarsest=cut, seed=seed + number))
    box = Box(top, left, bottom, right)
    why = (
        f"a face of {pose.side:.0f} px around x {pose.x:.0f}, y {pose.y:.0f}, turned by "
        f"{pose.turn:.0f} degrees, {100 * face.hidden:.0f} % of it hidden"
    )
    place = {"x": pose.x, "y": pose.y, "side": pose.side, "turn": pose.turn, "score": face.score}
    told = {name: round(value, 2) for name, value in place.items()}
    return FilledFace(where, own, fills, replace(made.report(box, known), why=why, face=told))


def upright(
    image: np.ndarray, dark: np.ndarray, pose: Pose, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """The square of a pose (side, side, 3) and what is unknown in it (side, side) of bool.

    ``image`` is (H, W, 3) in [0, 1] and ``dark`` (H, W) of bool; beyond both nothing is known.
    """
    image = fill_nearest(image.astype(np.float32), dark)
    known = (~dark).astype(np.float32)
    matrix = pose.matrix(side)
    if pose.side > side:  # shrunk by areas first: the warp looks at single pixels
        planes = np.dstack([image, known])
        size = tuple(
            max(1, math.ceil(n * side / pose.side)) for n in (dark.shape[1], dark.shape[0])
        )
        shrunk = np.array([size[0] / dark.shape[1], size[1] / dark.shape[0]])
        planes = cv2.resize(planes, size, interpolation=cv2.INTER_AREA)
        image, known = np.ascontiguousarray(planes[..., :3]), np.ascontiguousarray(planes[..., 3])
        matrix *= shrunk[:, None]
        matrix[:, 2] += 0.5 * shrunk - 0.5
    back = cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_CUBIC | back, borderMode=cv2.BORDER_REPLICATE
    )
    seen = cv2.warpAffine(known, matrix, (side, side), flags=cv2.INTER_LINEAR | back)
    return np.clip(view, 0, 1), seen < 0.99


def laid_back(
    fill: np.ndarray, pose: Pose, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A square's picture (s, s, 3) in an image of ``shape``, its edge drawn out, and where it is.

    The second is (H, W) of bool: the pixels of the square.
    """
    side = fill.shape[0]
    if pose.side < side:
        side = max(1, round(pose.side))
        fill = cv2.resize(fill, (side, side), interpolation=cv2.INTER_AREA)
    matrix, size = pose.matrix(side), shape[::-1]
    full = cv2.warpAffine(
        fill, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    inside = cv2.warpAffine(np.ones((side, side), np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    return np.clip(full, 0, 1).astype(np.float32), inside > 0
