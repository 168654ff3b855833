"""The exact pose of a face, and a second opinion, by what the priors foresee there.

The finder sees 32 pixels and tells the place of a face to some 3 % of its side. The fill wants it
better, and the priors can tell: at the right pose the known pixels are more likely under the
portraits' Gaussian than under that of places by the most. With v known values in the view x(p) of
a pose p,

    p* = argmax_p  (log N_portraits(x(p)) - log N_places(x(p))) / v

by coordinate ascent from the best of a few poses around the finder's (``inpaint.priors.evidence``
has the densities). Alone, the first density would prefer windows in which little is to be seen.
What is gained at p* is also evidence of a face: with the finder's logit it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from inpaint.devices import one_thread
from inpaint.faces.find import Face
from inpaint.faces.pose import Pose, seen, share_of_face
from inpaint.priors.evidence import Coarse

# The poses to begin with: upright and as the finder tells, and moved in y and in size.
START_Y, START_OCTAVES = (-0.1, 0.0, 0.1), (-0.15, 0.0, 0.15)
# First steps of x and y in sides, of the size in octaves, of the turn in degrees.
STEPS = (0.05, 0.05, 0.1, 5.0)
ROUNDS = 8  # each tries a step both ways in every coordinate; the steps are halved when none is up
# Variance in the densities: less than in the choice of a family, because WEIGHT and SURE below
# were chosen with it.
NOISE = 0.02
# A nat for each known value counts as so much of the finder's logit, and their sum must be at least
# SURE: chosen on composed photos and photos-bsds (docs/faces.md).
WEIGHT = 15.0
SURE = 1.45
INSIDE = 0.6  # least share of eyes, nose and mouth that lies in the picture
KNOWN = 0.5  # least share of a pixel of the view that must be known


def confirmed(
    found: Sequence[Face],
    image: np.ndarray,
    unknown: np.ndarray,
    face: Coarse,
    place: Coarse,
    *,
    least: float = SURE,
) -> list[Face]:
    """Those of the faces that ``find`` returned that are sure and in the picture, at exact poses.

    ``image`` (H, W, 3) in [0, 1] is not read where it is ``unknown`` (H, W); ``face`` and ``place``
    as for ``align``. Their score becomes the sum that is at least ``least``.
    """
    known = (~unknown).astype(np.float32)
    image = np.where(unknown[..., None], np.float32(0), image.astype(np.float32))
    kept = []
    with torch.inference_mode(), one_thread(torch.device("cpu")):
        for one in found:
            pose, gain = align(one.pose, image, known, face, place)
            score = one.score + WEIGHT * gain
            inside = share_of_face(np.ones_like(known), pose)
            if score >= least and inside >= INSIDE:
                kept.append(replace(one, pose=pose, score=score))
    return sorted(kept, key=lambda one: -one.score)


def align(
    pose: Pose, image: np.ndarray, known: np.ndarray, face: Coarse, place: Coarse
) -> tuple[Pose, float]:
    """The pose near ``pose`` at which a face is likeliest, and how much likelier than a place.

    Parameters
    ----------
    pose : Pose
        From the finder.
    image : ndarray (H, W, 3), float32 in [0, 1]
        Zero where nothing is known.
    known : ndarray (H, W), float32 in [0, 1]
        How much of each pixel is known.
    face, place : Coarse
        The Gaussians of portraits and of places, of one side.

    Returns
    -------
    Pose, float
        The second in nats for each known value.
    """

    def likelier(at: Pose) -> float:
        view = seen(image, known, at, face.side)
        x = torch.from_numpy(view[..., :3]).permute(2, 0, 1)
        hole = torch.from_numpy(view[..., 3] < KNOWN)
        return face.log_density(x, hole, noise=NOISE) - place.log_density(x, hole, noise=NOISE)

    starts = [
        _moved(Pose(pose.x, pose.y, pose.side, turn), np.array([0, y, octaves, 0]))
        for turn, y, octaves in product((pose.turn, 0.0), START_Y, START_OCTAVES)
    ]
    values = [likelier(at) for at in starts]
    best, steps = max(values), np.array(STEPS)
    pose = starts[values.index(best)]
    for _ in range(ROUNDS):
        near = [_moved(pose, step * way) for step in np.diag(steps) for way in (-1, 1)]
        values = [likelier(at) for at in near]
        if max(values) > best:
            best = max(values)
            pose = near[values.index(best)]
        else:
            steps = steps / 2
    return pose, best


def _moved(pose: Pose, step: np.ndarray) -> Pose:
    """The pose after a step (4,) in x, y, size and turn."""
    x, y, octaves, turn = (float(value) for value in step)
    return Pose(
        pose.x + x * pose.side,
        pose.y + y * pose.side,
        pose.side * 2**octaves,
        pose.turn + turn,
    )
