"""Find the faces that a hole touches: windows of all places and sizes, then a closer look.

1. The picture is shown to the finder at several sizes, each smaller by the square root of two, as
   far as its windows can touch the hole.
2. The best windows are brought upright and to their size, seen again, and moved where the finder
   tells, ``LOOKS`` times.
3. The mean over the window, its mirror image and slightly larger and smaller ones is its score.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint import masks
from inpaint.devices import one_thread
from inpaint.errors import WeightsError
from inpaint.faces.network import CELL, Finder, build, pose_of
from inpaint.faces.pose import Pose, divided, seen, share_of_face
from inpaint.zoo import registry, weights

LIKELY = -0.3  # least logit of what may be a face (``inpaint.faces.align`` decides)
LOOSE = -2.0  # least logit of a window that is looked at closer, and again
MOST = 8  # windows that are looked at closer, for each size and in all
LOOKS = 2
# Side in pixels of the smallest square that is looked for. It is at least as large as the hole is
# deep: smaller faces lie in the hole or at its edge.
SMALLEST = 48
LARGEST = 1.3  # the same of the largest, in shorter sides of the picture
TOUCHED, GONE = 0.02, 0.85  # shares of a face that the hole must, and must not, cover
LEANING = 25.0  # degrees by which a face may be turned: the finder has learnt up to 20
APART = 0.4  # faces nearer than this, in sides, are one
PIXELS = 200_000  # of the largest view: the smallest faces are not sought where there are more


@dataclass(frozen=True)
class Face:
    """A face that the hole touches.

    Attributes
    ----------
    pose : Pose
        Of the square that frames it.
    score : float
        How sure it is one: the finder's logit, and after ``align.confirmed`` with its evidence.
    hidden : float
        The share of its eyes, nose and mouth that is hole.
    """

    pose: Pose
    score: float
    hidden: float


def finder() -> Finder | None:
    """The shipped finder; None where there is none. Raises WeightsError as ``load`` does."""
    folders = list(registry.others(Finder.kind))
    return load(folders[0]) if folders else None


def load(folder: Path) -> Finder:
    """The finder in a folder, frozen; loaded once for each state of the folder.

    Raises WeightsError for files that are amiss.
    """
    return _load(folder, json.dumps(weights.read_config(folder), sort_keys=True))


@lru_cache(maxsize=2)
def _load(folder: Path, version: str) -> Finder:
    """Load; ``version`` only tells an older state of the folder from a newer one."""
    from inpaint.priors import convnets

    config, tensors = weights.load(folder)
    try:
        network = build(config)
        convnets.load(network, tensors, "finder.")
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{folder}: config and weights do not fit together ({reason}); install the package "
            "again or train it anew"
        ) from error
    return network.eval().requires_grad_(False)


def find(
    network: Finder,
    image: np.ndarray,
    hole: np.ndarray,
    unknown: np.ndarray,
    *,
    least: float = LIKELY,
) -> list[Face]:
    """What may be a face that the hole touches, surest first.

    Parameters
    ----------
    network : Finder
        From ``finder`` or ``pretrain finder``.
    image : ndarray (H, W, 3), float in [0, 1]
        Its values where it is unknown are not read.
    hole : ndarray (H, W) of bool
        What is to be filled.
    unknown : ndarray (H, W) of bool
        All that may not be read, the hole among it.
    least : float
        The least score of what is returned.
    """
    if not hole.any():
        return []
    known = (~unknown).astype(np.float32)
    image = np.where(unknown[..., None], np.float32(0), image.astype(np.float32))
    share = hole.astype(np.float32)
    found: list[Face] = []
    with torch.inference_mode(), one_thread(torch.device("cpu")):
        for pose in _windows(network, image, known, share):
            face = _looked_at(network, image, known, share, pose)
            if face and face.score >= least:
                found.append(face)
    return _apart(found)


def sizes(
    hole: tuple[slice, slice], shape: tuple[int, int], size: int, *, deep: float = 0.0
) -> list[float]:
    """Sides of the squares that are looked for, largest first, at a hole ``deep`` pixels across."""
    side, found = LARGEST * min(shape), []
    while side >= max(SMALLEST, deep):
        rows, columns = _around(hole, shape, side)
        pixels = (rows.stop - rows.start) * (columns.stop - columns.start) * (size / side) ** 2
        if pixels > PIXELS:
            break
        found.append(side)
        side /= math.sqrt(2)
    return found


def _around(hole: tuple[slice, slice], shape: tuple[int, int], side: float) -> tuple[slice, slice]:
    """The part of the picture that windows of ``side`` see whose faces touch the box of a hole."""
    reach = math.ceil(side)
    rows, columns = (
        slice(max(0, at.start - reach), min(full, at.stop + reach))
        for at, full in zip(hole, shape, strict=True)
    )
    return rows, columns


def _windows(network: Finder, image: np.ndarray, known: np.ndarray, hole: np.ndarray) -> list[Pose]:
    """The windows in which the finder is most sure of a face that the hole touches."""
    x, y, w, h = cv2.boundingRect((hole > 0).view(np.uint8))
    box = slice(y, y + h), slice(x, x + w)
    found: list[Face] = []
    deep = 2 * float(masks.inward(hole > 0).max())
    for side in sizes(box, known.shape, network.size, deep=deep):
        factor = network.size / side
        rows, columns = _around(box, known.shape, side)
        planes = np.dstack([image[rows, columns], known[rows, columns]])
        height, width = (max(1, round(n * factor)) for n in planes.shape[:2])
        shrunk = np.array([width / planes.shape[1], height / planes.shape[0]])
        planes = cv2.resize(planes, (width, height), interpolation=cv2.INTER_AREA)
        # Windows may reach over the border by half: beyond it nothing is known.
        edge = network.size // 2
        pads = [(edge, edge + -n % CELL) for n in (height, width)]
        view = np.pad(divided(planes), (*pads, (0, 0)))
        answers = network(torch.from_numpy(view).permute(2, 0, 1)[None])[0]
        for face in _best(answers, network.size):
            at = face.pose
            scale = float(np.sqrt(shrunk.prod()))
            u, v = (np.array([at.x, at.y]) - edge) / shrunk + (columns.start, rows.start)
            pose = Pose(float(u), float(v), at.side / scale, at.turn)
            if TOUCHED <= share_of_face(hole, pose) <= GONE:
                found.append(Face(pose, face.score, 0.0))
    return [face.pose for face in _apart(found)[:MOST]]


def _best(answers: Tensor, size: int) -> list[Face]:
    """Peaks of the answers (5, h, w) above ``LOOSE``, in pixels of the view."""
    logits = answers[0]
    peak = torch.nn.functional.max_pool2d(logits[None, None], 3, 1, 1)[0, 0]
    rows, columns = ((logits == peak) & (logits > LOOSE)).nonzero(as_tuple=True)
    order = logits[rows, columns].argsort(descending=True, stable=True)[: 4 * MOST].tolist()
    places = [(int(rows[i]), int(columns[i])) for i in order]
    return [
        Face(pose_of(answers[:, r, c], r, c, size), float(logits[r, c]), 0.0) for r, c in places
    ]


def _looked_at(
    network: Finder, image: np.ndarray, known: np.ndarray, hole: np.ndarray, pose: Pose
) -> Face | None:
    """What the finder says of a window when it is seen upright and at its size."""
    for _ in range(LOOKS):
        answer = _answers(network, image, known, [pose])[0]
        if answer[0] < LOOSE:
            return None
        told = pose_of(torch.cat([answer[:1], answer[1:].clamp(-1, 1)]), 0, 0, network.size)
        half = CELL / 2
        place = Pose(
            0.5 + (told.x - half) / network.size,
            0.5 + (told.y - half) / network.size,
            told.side / network.size,
            told.turn,
        )
        pose = pose.inner(place)
    hidden = share_of_face(hole, pose)
    if not TOUCHED <= hidden <= GONE or abs(pose.turn) > LEANING:
        return None
    near = [Pose(pose.x, pose.y, pose.side * 2**octaves, pose.turn) for octaves in (0, -0.2, 0.2)]
    logit = float(_answers(network, image, known, near)[:, 0].mean())
    return Face(pose, logit, hidden)


def _answers(network: Finder, image: np.ndarray, known: np.ndarray, poses: list[Pose]) -> Tensor:
    """The finder's answers (n, 5) for faces at these poses, each seen with its mirror image."""
    twice = 2 * network.size  # with as much around it as the finder has learnt from
    views = [seen(image, known, Pose(p.x, p.y, 2 * p.side, p.turn), twice) for p in poses]
    x = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)
    middle = slice(twice // CELL // 2 - 1, twice // CELL // 2 + 1)
    # The four cells around the middle are half a cell away from it, in every direction.
    plain, mirrored = (network(v)[:, :, middle, middle].mean((2, 3)) for v in (x, x.flip(3)))
    signs = torch.tensor([1.0, -1, 1, 1, -1])
    return (plain + mirrored * signs) / 2


def _apart(faces: list[Face]) -> list[Face]:
    """The surest of faces that lie on one another, surest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        near = (
            math.hypot(face.pose.x - one.pose.x, face.pose.y - one.pose.y)
            < APART * max(face.pose.side, one.pose.side)
            for one in kept
        )
        if not any(near):
            kept.append(face)
    return kept
