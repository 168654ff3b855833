"""The exact pose of a face, by what the priors foresee there.

The finder sees 32 pixels and tells the place of a face to some 3 % of its side. The fill wants it
better, and the priors can tell: at the right pose the known pixels are more likely under the
portraits' Gaussian than under that of places by the most. With v known values in the view x(p) of
a pose p,

    p* = argmax_p  (log N_portraits(x(p)) - log N_places(x(p))) / v

by coordinate ascent from the best of a few poses around the finder's (``inpaint.priors.evidence``
has the densities). Alone, the first density would prefer windows in which little is to be seen.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from inpaint.faces.pose import Pose, seen
from inpaint.priors.evidence import Coarse

# The poses to begin with: upright and as the finder tells, and moved in y and in size.
START_Y, START_OCTAVES = (-0.1, 0.0, 0.1), (-0.15, 0.0, 0.15)
# First steps of x and y in sides, of the size in octaves, of the turn in degrees.
STEPS = (0.05, 0.05, 0.1, 5.0)
ROUNDS = 8  # each tries a step both ways in every coordinate; the steps are halved when none is up
KNOWN = 0.5  # least share of a pixel of the view that must be known


def align(pose: Pose, image: np.ndarray, known: np.ndarray, face: Coarse, place: Coarse) -> Pose:
    """The pose near ``pose`` at which a face is likeliest.

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
    """

    def likelier(at: Pose) -> float:
        view = seen(image, known, at, face.side)
        x = torch.from_numpy(view[..., :3]).permute(2, 0, 1)
        hole = torch.from_numpy(view[..., 3] < KNOWN)
        return face.log_density(x, hole) - place.log_density(x, hole)

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
    return pose


def _moved(pose: Pose, step: np.ndarray) -> Pose:
    """The pose after a step (4,) in x, y, size and turn."""
    x, y, octaves, turn = (float(value) for value in step)
    return Pose(
        pose.x + x * pose.side,
        pose.y + y * pose.side,
        pose.side * 2**octaves,
        pose.turn + turn,
    )
