"""Measures how far an object's colours reach beyond its outline, where its edge is blurred.

An object that is out of focus or in motion fades into its surroundings over a zone as wide as the
blur. A selection along the visible edge leaves the outer half of that zone, and a fill continues it
as a ghost ring. The zone ends at the first ring around the selection that has no more of the
object's colour than the rings beyond it (``rings``).
"""

from __future__ import annotations

import math

import numpy as np

from inpaint.masks.rings import Edge, check, profile

# The widest zone that counts as an edge: a share of the object's size, and a number of pixels.
MOST_SHARE, MOST = 0.12, 48
# The share of the object's colour at which the zone ends; a Gaussian edge has it at 2 sigma.
VISIBLE = 0.03
# A ring with so much more of the object's colour than the rings beyond still shows the object.
LEFT = 0.1
_CERTAIN = 1.5  # standard errors, from the spread along the edge, that a difference must exceed
_SURE = 2.5  # the same where a mistake costs more
_UNSURE = 5  # rings
_LEAST = 3  # rings within the bound, for a warning
_NEAR = 6  # rings outside the hole in which what is left of the object shows


def bound(mask: np.ndarray) -> int:
    """Return the most pixels that ``width`` can return for a mask (H, W) of bool."""
    return min(math.floor(MOST_SHARE * math.sqrt(mask.sum())), MOST)


def width(image: np.ndarray, mask: np.ndarray, *, ignore: np.ndarray | None = None) -> int:
    """Measure how many pixels outside a selection are still mixed with the object's colours.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    mask : ndarray (H, W) of bool
        The selected object; not modified.
    ignore : ndarray (H, W) of bool, optional
        Pixels whose colours do not count, such as transparent ones.

    Returns
    -------
    int
        0 for a sharp edge, for a selection that includes some surroundings, and for an object
        that does not stand out. About 2 sigma for an edge under a Gaussian blur of sigma. At most
        ``bound(mask)``.

    Raises
    ------
    ImageError, MaskError
        If the shapes or types are others.
    """
    return _end(profile(image, mask, most=bound(mask), ignore=ignore))


def _end(edge: Edge) -> int:
    """Return the last ring of the mixed zone, 0 if there is no such zone."""
    share, error = edge.share, edge.error
    # A wide blur changes little from ring to ring, so the first one may not show it.
    early = (share > LEFT) & (share > _SURE * error)
    first = int(np.argmax(early[: _UNSURE + 1])) if early[: _UNSURE + 1].any() else 1
    peak = 0.0
    for r in range(first, len(share)):
        peak = max(peak, share[r])
        if not share[r] > max(VISIBLE, _CERTAIN * error[r]):  # NaN ends the zone too
            return r - 1
        # The share of an edge falls all the way: where it rises again, it is another object.
        if share[r] < peak / 2 and share[r] <= share[r + 1 : r + 2].max(initial=-1.0):
            return r
    return max(len(share) - 1, 0)


def is_left(
    image: np.ndarray, mask: np.ndarray, hole: np.ndarray, *, ignore: np.ndarray | None = None
) -> bool:
    """Tell whether the ring just outside a hole still looks like the object in the hole.

    For objects less than about 25 pixels across the answer is always no, because their
    surroundings are too few pixels.

    Parameters
    ----------
    image, mask, ignore
        As for ``width``.
    hole : ndarray (H, W) of bool
        The mask with its margin.

    Raises
    ------
    ImageError, MaskError
        If the shapes or types are others.
    """
    check(image, mask)
    most = bound(mask)
    if most < _LEAST:
        return False
    own = profile(image, mask, most=most, ignore=ignore)
    if len(own.share) and _end(own) == most and own.share[most] > LEFT / 3:
        return True  # so wide a blur that the bound cut it off; it may not show in a few rings
    # Measured to the widest possible zone, as a wide blur changes little from ring to ring.
    edge = profile(image, hole, most=2 * most, ignore=ignore, inner=mask)
    share, error = edge.share[1 : _NEAR + 1], edge.error[1 : _NEAR + 1]
    return bool(((share > LEFT) & (share > _SURE * error)).any())
