"""The fine noise of a photo, for fills that are smoother than it.

The noise is drawn with the correlations of a flat known part of the photo, by convolving white
noise W with that part's deviation t from its smooth course ("spot noise", van Wijk 1991; Galerne et
al. 2011, "random phase textures"):

    n = (t * W) / sqrt(number of pixels of t)
"""

from __future__ import annotations

import cv2
import numpy as np

TILE = 16  # side of the flat part, in pixels
FAINT = 0.4 / 255  # standard deviation below which no noise is seen
LOUD = 8 / 255  # and above which it is detail and no noise


def add_grain(
    image: np.ndarray, hole: np.ndarray, known: np.ndarray, *, coarsest: float, seed: int
) -> np.ndarray:
    """The image with noise like that of its known pixels in the hole.

    Parameters
    ----------
    image : ndarray (H, W, 3), float in [0, 1]
        With a fill in the hole. Not modified.
    hole : ndarray (H, W) of bool
        Where noise is added.
    known : ndarray (H, W) of bool
        Where the photo's own noise can be seen.
    coarsest : float
        The finest detail of the fill, in pixels: noise that is coarser is there already. At 1 or
        less the fill is as fine as the photo, and is returned as it is.
    seed : int
        Of the noise.
    """
    if coarsest <= 1:
        return image
    tile = _flat_tile(image, known, coarsest)
    if tile is None:
        return image
    white = np.random.default_rng([seed, 31]).standard_normal(hole.shape).astype(np.float32)
    noise = np.dstack([cv2.filter2D(white, -1, tile[..., c]) for c in range(3)]) / TILE
    noisy = np.clip(image + noise, 0, 1)
    result: np.ndarray = np.where(hole[..., None], noisy, image).astype(np.float32)
    return result


def _flat_tile(image: np.ndarray, known: np.ndarray, coarsest: float) -> np.ndarray | None:
    """The deviation of the flattest known square from its smooth course, (TILE, TILE, 3)."""
    smooth = cv2.GaussianBlur(image, (0, 0), max(0.8, 0.6 * coarsest))
    fine = (image - smooth).astype(np.float32)
    # A square counts where it and what its smooth course was made from are known.
    reach = TILE + 2 * int(np.ceil(2 * coarsest))
    whole = cv2.erode(
        known.astype(np.uint8), np.ones((reach, reach), np.uint8),
        borderType=cv2.BORDER_CONSTANT, borderValue=0,
    )  # fmt: skip
    if not whole.any():
        return None
    dy, dx = np.gradient(smooth.mean(2))
    slope = cv2.blur(dy**2 + dx**2, (TILE, TILE))
    power = cv2.blur(np.square(fine).mean(2), (TILE, TILE))
    slope[whole == 0] = np.inf
    # Of the flattest squares the one of middling noise: the quietest may be black or blown out.
    places = np.argsort(slope, axis=None, kind="stable")[: max(1, int(whole.sum()) // 20)]
    place = places[np.argsort(power.flat[places], kind="stable")[len(places) // 2]]
    if not FAINT**2 < power.flat[place] < LOUD**2:
        return None
    y, x = (int(at) - TILE // 2 for at in divmod(int(place), image.shape[1]))
    tile = fine[max(0, y) : y + TILE, max(0, x) : x + TILE]
    if tile.shape[:2] != (TILE, TILE):
        return None
    return np.ascontiguousarray(tile - tile.mean((0, 1)))
