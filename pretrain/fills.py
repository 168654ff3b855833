"""The items from which a refiner learns: true images, masks, and fills of the earlier stages.

The fills are made once, by the search and the Poisson blend that ``inpaint fill`` runs, and are
kept as uint8 in a memory map. When they are drawn, a share of them is replaced by a cheap proxy, so
that the refiner also works after other priors.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.errors import OutputError, reason, remedy
from inpaint.evaluate import protocols
from inpaint.images.resize import enlarge, fill_nearest, shrink
from inpaint.priors import Prior
from inpaint.search import search
from inpaint.stages.poisson import blend
from pretrain import data

# Masks like those that people paint and benchmarks use; large shapes are more frequent than dust.
MASKS = (
    "center",
    "center",
    "half",
    "half",
    "random80",
    "random50",
    "pattern",
    "pattern",
    "thin",
    "medium",
    "thick",
    "thick",
    "bucket:01-30",
    "bucket:20-50",
)


Kind = TypeVar("Kind", bound=Prior)


@dataclass(frozen=True)
class Fills:
    """Pairs of a true image and its fill.

    Attributes
    ----------
    images : data.Images
        The true images, cached at ``size``.
    filled : ndarray (P, S, S, 3) of uint8
        Memory-mapped fills; equal to the image outside the hole.
    image_of, mask_of : ndarray (P,) of int
        Which image and which mask belong to a fill.
    masks : ndarray (M, S, S) of bool
        True = hole.
    """

    images: data.Images
    filled: np.ndarray
    image_of: np.ndarray
    mask_of: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.filled)


def draw_masks(count: int, size: int, *, seed: int) -> np.ndarray:
    """``count`` masks (N, S, S) of bool of the kinds in ``MASKS``, turned and mirrored."""
    rng = np.random.default_rng([seed, 7])
    masks = np.empty((count, size, size), bool)
    for i in range(count):
        mask = protocols.make(MASKS[i % len(MASKS)], (size, size), seed=seed * 100_003 + i)
        masks[i] = np.rot90(mask, int(rng.integers(4)))[:, :: rng.choice([-1, 1])]
    return masks


def make(
    images: data.Images,
    priors: Callable[[], Sequence[Prior]],
    *,
    count: int,
    name: str,
    size: int,
    cache: Path,
    per_image: int = 2,
    group: int = 64,
    seed: int = 0,
    callback: Callable[[int, int], None] | None = None,
) -> Fills:
    """Fill every image ``per_image`` times, or map the fills that an earlier call has made.

    Parameters
    ----------
    images : data.Images
        Cached at ``size``.
    priors : callable
        Returns ``count`` priors, and is only called when there is something to fill. Image i is
        filled by prior i mod ``count``. If that prior was not fitted on it
        (``pretrain.crossfit``), the fills are like those of new images.
    count : int
        How many priors there are.
    name : str
        Tells these priors from others in the cache's key.
    size : int
        Side S of the images.
    cache : Path
        Folder for the fills.
    per_image : int
        Fills of every image, each with another mask.
    seed : int
        Decides which mask an image gets.
    group : int
        How many images share a mask, which makes a closed form cheap.
    callback : callable, optional
        ``callback(done, total)`` after every group.

    Raises
    ------
    OutputError
        When the cache cannot be written.
    """
    facts = [name, size, per_image, group, seed, len(images), MASKS, sample(images)]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    image_of, mask_of = plan_groups(len(images), count, per_image, group, rng=[seed, 3])
    masks = draw_masks(int(mask_of.max()) + 1, size, seed=seed)
    path = cache / f"fills-{key}.npy"
    if not path.exists():

        def filled(prior: Prior, rows: np.ndarray, m: int) -> np.ndarray:
            truth = images.pixels[image_of[rows]].astype(np.float32) / 255
            return np.rint(fill(prior, truth, masks[m], seed=m) * 255)

        write(path, filled, priors(), masks, image_of, mask_of, callback=callback)
    return Fills(images, np.load(path, mmap_mode="r"), image_of, mask_of, masks)


def sample(images: data.Images) -> str:
    """Return a digest of up to 64 images spread over all, which tells sets of images apart."""
    some = images.pixels[:: max(1, len(images) // 64)]
    return hashlib.sha256(some.tobytes()).hexdigest()


def write(
    path: Path,
    filled: Callable[[Kind, np.ndarray, int], np.ndarray],
    priors: Sequence[Kind],
    masks: np.ndarray,
    image_of: np.ndarray,
    mask_of: np.ndarray,
    *,
    callback: Callable[[int, int], None] | None = None,
) -> None:
    """Write all fills, (P, S, S, 3) of uint8, to ``path``, which appears whole or not at all.

    Parameters
    ----------
    path : Path
        An .npy file; its folder is made.
    filled : callable
        ``filled(prior, rows, m) -> (n, S, S, 3)``: the fills ``rows``, which share mask ``m``.
    priors : sequence
        Image i is filled by prior i mod their number.
    masks, image_of, mask_of : ndarray
        As ``Fills`` has them.
    callback : callable, optional
        ``callback(done, total)`` after every group.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    temporary = path.with_suffix(f".{os.getpid()}.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (len(image_of), *masks.shape[1:], 3)
        out = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
        for m in range(len(masks)):
            rows = np.flatnonzero(mask_of == m)
            out[rows] = filled(priors[image_of[rows[0]] % len(priors)], rows, m)
            if callback:
                callback(m + 1, len(masks))
        out.flush()
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: fills not written ({reason(error)}); "
            f"{remedy(error, 'free some space or name another --cache')}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def plan_groups(
    n: int, priors: int, per_image: int, group: int, *, rng: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return image and mask of each fill, two arrays (P,); a group shares its mask and prior.

    ``rng`` seeds the order.
    """
    generator = np.random.default_rng(rng)
    image_of, mask_of, count = [], [], 0
    for _ in range(per_image):
        for k in range(priors):
            own = generator.permutation(np.arange(k, n, priors))
            image_of.append(own)
            mask_of.append(count + np.arange(len(own)) // group)
            count = int(mask_of[-1][-1]) + 1
    return np.concatenate(image_of), np.concatenate(mask_of)


def fill(
    prior: Prior, truth: np.ndarray, mask: np.ndarray, *, seed: int, **settings: Any
) -> np.ndarray:
    """Search and blend images (n, S, S, 3) in [0, 1] with one mask (S, S); return the fills.

    ``settings`` of the search win over those that suit the prior.
    """
    n, size = len(truth), truth.shape[1]
    small = [shrink(image, mask, prior.size) for image in truth]
    x = torch.from_numpy(np.stack([s for s, _ in small])).permute(0, 3, 1, 2)
    hole = torch.from_numpy(small[0][1])
    if prior.kind == "gaussian":
        found = prior.generate(prior.means(x, hole).float())  # type: ignore[attr-defined]
    else:
        seeds = [seed * 1009 + i for i in range(n)]
        holes = hole.expand(n, -1, -1)
        found = search(prior, x, holes, seeds=seeds, **prior.search_defaults | settings).x[:, 0]
    guides = [enlarge(g, (size, size)) for g in found.permute(0, 2, 3, 1).numpy()]
    # All channels of all images at once, because the blend's equations are the same for each.
    known, guide = (np.concatenate(list(a), axis=2) for a in (truth, guides))
    return np.stack(np.split(blend(known, guide, mask), n, axis=2))


def batch(
    fills: Fills, n: int, *, seed: int, step: int, proxy: float = 0.1
) -> tuple[Tensor, Tensor, Tensor]:
    """Return truth and fill (n, 3, S, S) in [0, 1] and mask (n, S, S) of one training step.

    They are mirrored at random. A share ``proxy`` of the fills is replaced by the nearest known
    colours, blurred, as a very simple method would fill.
    """
    chosen = data.indices(len(fills), n, seed=seed, step=step)
    rng = np.random.default_rng([seed, step, 2])
    truth = fills.images.pixels[fills.image_of[chosen]].astype(np.float32) / 255
    filled = fills.filled[chosen].astype(np.float32) / 255
    masks = fills.masks[fills.mask_of[chosen]]
    for row in range(n):
        if rng.random() < proxy:
            crude = cv2.GaussianBlur(fill_nearest(truth[row], masks[row]), (0, 0), 3)
            filled[row] = np.where(masks[row][..., None], crude, truth[row])
        if rng.random() < 0.5:
            truth[row], filled[row] = truth[row, :, ::-1].copy(), filled[row, :, ::-1].copy()
            masks[row] = masks[row, :, ::-1].copy()
    planes = (torch.from_numpy(a).permute(0, 3, 1, 2) for a in (truth, filled))
    x, y = (p.contiguous(memory_format=torch.channels_last) for p in planes)
    return x, y, torch.from_numpy(masks)
