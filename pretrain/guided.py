"""The items from which a completion network learns: views, wide masks, and the fills of priors.

An item is a view (a cut or a slight change of pose, mirrored or not, of one picture), the mask of
its group, and the fill that a Gaussian makes of the whole view at its own small side, enlarged and
blended into the hole as ``inpaint fill`` does it. Items are functions of (seed, number) alone. Only
the fills are stored, since they take long to compute. A picture is filled by a Gaussian that was
not fitted on it (``pretrain.crossfit``), so that the fills are as good or bad as those of new
pictures. Every fourth group may be filled by the search of another prior instead, so that the
network also knows what it gets from that one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.priors.gaussian import Gaussian
from pretrain import data, fills, holes

GROUP = 32  # items that share a mask, which makes a closed form cheap
SHARED = 4  # of so many groups, one is filled by another prior where there are others


@dataclass(frozen=True)
class Views:
    """Views of pictures by number.

    Attributes
    ----------
    images : data.Images
        Cached at ``size / min_scale``.
    size : int
        Side S of a view.
    image_of : ndarray (P,) of int
        The picture of each view.
    min_scale : float
        Smallest cut, as a share of the cached side.
    pose : bool
        Whether the pose of every second view is changed a little, because pictures that are all
        framed alike are never framed exactly alike.
    seed : int
        Seed of everything random.
    """

    images: data.Images
    size: int
    image_of: np.ndarray
    min_scale: float = 1.0
    pose: bool = False
    seed: int = 0

    def __len__(self) -> int:
        return len(self.image_of)

    def take(self, chosen: Sequence[int] | np.ndarray) -> np.ndarray:
        """The views ``chosen``, uint8 (n, S, S, 3)."""
        return np.stack([self._view(int(i)) for i in chosen])

    def _view(self, i: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 11, i])
        image = self.images.pixels[self.image_of[i]]
        side = round(self.images.size * rng.uniform(self.min_scale, 1.0))
        y, x = rng.integers(0, self.images.size - side + 1, 2)
        view = np.ascontiguousarray(image[y : y + side, x : x + side])
        if self.pose and rng.random() < 0.5:
            view = _posed(view, rng)
        view = _resized(view, self.size)
        if rng.random() < 0.15:  # a picture that had been enlarged before
            view = _resized(_resized(view, int(self.size * rng.uniform(0.5, 0.95))), self.size)
        if rng.random() < 0.5:
            gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-16, 16)
            view = np.clip(view * np.float32(gain) + np.float32(offset), 0, 255)
        view = np.rint(view).astype(np.uint8)
        return view[:, ::-1] if rng.random() < 0.5 else view


def _posed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture turned by up to 4 degrees, scaled by up to 6 %, moved by up to 3 %."""
    side = image.shape[0]
    turn = cv2.getRotationMatrix2D(
        ((side - 1) / 2, (side - 1) / 2), rng.uniform(-4, 4), rng.uniform(0.94, 1.06)
    )
    turn[:, 2] += rng.uniform(-0.03, 0.03, 2) * side
    posed: np.ndarray = cv2.warpAffine(
        image, turn, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return posed


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    if image.shape[0] == side:
        return image
    how = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=how))


@dataclass(frozen=True)
class Guided:
    """Views with the mask and the Gaussian's fill of each.

    Attributes
    ----------
    views : Views
        P of them.
    masks : ndarray (M, S, S) of bool
        True = hole.
    mask_of : ndarray (P,) of int
        The mask of each view.
    fills : ndarray (P, S, S, 3) of uint8
        Memory-mapped: each view with its hole filled by the Gaussian and blended.
    """

    views: Views
    masks: np.ndarray
    mask_of: np.ndarray
    fills: np.ndarray

    def __len__(self) -> int:
        return len(self.views)

    def batch(self, chosen: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Return truth and guided picture (n, 3, S, S) in [0, 1], and mask (n, S, S), of items."""
        truth = self.views.take(chosen).astype(np.float32) / 255
        masks = self.masks[self.mask_of[chosen]]
        filled = self.fills[chosen].astype(np.float32) / 255
        x, y = (
            torch.from_numpy(a).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
            for a in (truth, filled)
        )
        return x, y, torch.from_numpy(masks)


def make(
    images: data.Images,
    priors: Callable[[], Sequence[Gaussian]],
    *,
    count: int,
    name: str,
    size: int,
    cache: Path,
    per_image: int,
    min_scale: float = 1.0,
    pose: bool = False,
    published: float = holes.PUBLISHED,
    others: Sequence[Prior] = (),
    seed: int = 0,
    callback: Callable[[int, int], None] | None = None,
) -> Guided:
    """Fill ``per_image`` views of each picture, or map the fills that an earlier call has made.

    Parameters
    ----------
    images : data.Images
        Cached at ``size / min_scale``.
    priors : callable
        Gives ``count`` Gaussians; asked only when there is something to fill. Picture i is filled
        by Gaussian i mod ``count``.
    count : int
        How many Gaussians there are.
    name : str
        Tells these priors from others in the cache's key.
    size : int
        Side S of the views.
    cache : Path
        Folder for the fills.
    per_image : int
        Views of each picture.
    min_scale, pose, seed
        See ``Views``.
    published : float
        Share of the masks that are of published protocols.
    others : sequence of Prior
        Priors that take turns to fill every fourth group by their search.
    callback : callable, optional
        ``callback(done, total)`` after every group.

    Raises
    ------
    OutputError
        When the cache cannot be written.
    """
    image_of, mask_of = fills.plan_groups(len(images), count, per_image, GROUP, rng=[seed, 13])
    views = Views(images, size, image_of, min_scale, pose, seed)
    masks = holes.draw(int(mask_of.max()) + 1, size, seed=seed, published=published)
    facts = ["blended", name, size, per_image, min_scale, pose, GROUP, seed]
    facts += [len(images), fills.sample(images)]
    digest = hashlib.sha256(json.dumps(facts).encode() + masks.tobytes())
    path = cache / f"guides-{digest.hexdigest()[:16]}.npy"
    if not path.exists():

        def made(prior: Gaussian, rows: np.ndarray, m: int) -> np.ndarray:
            other = others[m // SHARED % len(others)] if others and m % SHARED == 0 else prior
            return filled(other, views.take(rows), masks[m])

        fills.write(path, made, priors(), masks, image_of, mask_of, callback=callback)
    return Guided(views, masks, mask_of, np.load(path, mmap_mode="r"))


def filled(prior: Prior, views: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The views (n, S, S, 3) with their common hole (S, S) filled by the prior, uint8."""
    # The best of several restarts looks like any of them, and they would take as many times longer.
    made = fills.fill(prior, views.astype(np.float32) / 255, mask, seed=0, restarts=1)
    return np.rint(made * 255).astype(np.uint8)
