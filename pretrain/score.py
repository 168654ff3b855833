"""Measures how good a prior is: ceiling, KID, memorisation, and sheets of samples.

- **ceiling**: PSNR of held-out images of which every pixel is known (``pretrain.ceiling``). Whole
  images are taken even where the training used cuts, because they are harder.
- **KID** of samples against held-out images (``inpaint.evaluate.kid``), cut as in training. The KID
  of real training images is the floor, which a perfect prior would reach.
- **memory**: whether samples copy training images (``pretrain.neighbours``). If the training cut
  images at random, one cut of each is compared, so a copy of another cut is found only if the cuts
  resemble each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from inpaint.errors import ImageError
from inpaint.evaluate import kid
from inpaint.evaluate.lpips import MIN_SIDE
from inpaint.images.sheet import sheet
from inpaint.priors import Prior
from inpaint.zoo.classes import Steerable
from pretrain.ceiling import ceiling
from pretrain.cuts import Cuts
from pretrain.neighbours import Near, memory, nearest, small
from pretrain.sheets import tile

T = TypeVar("T")
Progress = Callable[[str, int, int], None]

SHOWN = 64
ROWS, NEIGHBOURS = 8, 4
DRAWN_AT_ONCE = 64
LEAST = 8


@dataclass(frozen=True)
class Score:
    """Figures, ready for JSON, and sheets by name, uint8 RGB (H, W, 3)."""

    facts: dict[str, Any]
    sheets: dict[str, np.ndarray]


def score(
    prior: Prior,
    held_out: Cuts,
    train: Cuts | None = None,
    *,
    count: int = 64,
    samples: int = 1000,
    seed: int = 0,
    callback: Progress | None = None,
    **budget: int,
) -> Score:
    """Measure ``prior`` on images that it has not seen.

    Parameters
    ----------
    prior : Prior
        On any device.
    held_out : Cuts
        Images that were not trained on.
    train : Cuts, optional
        Images that were trained on, for the floor of KID and the memorisation check.
    count : int
        How many held-out images the ceiling is measured on.
    samples : int
        How many samples KID and the memorisation check see.
    seed : int
        The same seed, images and weights give the same figures on the same machine.
    callback : callable, optional
        ``callback(what, done, total)``.
    **budget : int
        ``steps``, ``starts`` and ``kept`` of ``ceiling.ceiling``.

    Raises
    ------
    ImageError
        When there are fewer than 8 held-out images or samples, or too few training images.
    """
    if min(len(held_out), samples) < LEAST:
        raise ImageError(
            f"{len(held_out)} held-out images and {samples} samples; expected {LEAST} or more each"
        )
    tell = callback or (lambda what, done, total: None)
    facts: dict[str, Any] = {}
    drawn = draw(prior, samples, seed)
    sheets = {"samples": tile(_tensor(drawn[:SHOWN]))}
    if isinstance(prior, Steerable):
        sheets["classes"] = class_sheet(prior, seed)
    facts["ceiling"], sheets["ceiling"] = _ceiling(prior, held_out, count, seed, tell, budget)
    facts.update(_kid(drawn, held_out, train, seed, tell))
    if train is not None:
        facts["memory"], sheets["neighbours"] = _memory(drawn, held_out, train, tell)
    return Score(facts, sheets)


@torch.no_grad()
def draw(prior: Prior, count: int, seed: int) -> np.ndarray:
    """Draw ``count`` samples of the prior, (N, S, S, 3) uint8."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for at in range(0, count, DRAWN_AT_ONCE):
        x = prior.generate(prior.sample_z(min(DRAWN_AT_ONCE, count - at), generator))
        parts.append((x * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(parts)


def class_sheet(prior: Steerable, seed: int, *, columns: int = 8) -> np.ndarray:
    """A row of samples for each class, the same z in each column: uint8 RGB (H, W, 3)."""
    rows = []
    for name in [None, *prior.classes]:
        cells = [("", image) for image in draw(prior.with_class(name), columns, seed)]
        rows.append([(name or "any", cells[0][1]), *cells[1:]])
    return sheet(rows, height=64, gap=2)


def _ceiling(
    prior: Prior, held_out: Cuts, count: int, seed: int, tell: Progress, budget: dict[str, int]
) -> tuple[dict[str, Any], np.ndarray]:
    images = held_out.images
    # They are spread over the set, because files are often sorted by class.
    chosen = np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int))
    whole = images.take(chosen)
    y = _tensor(Cuts(whole, held_out.size).whole())
    found = ceiling(
        prior,
        y,
        [images.classes[i] for i in whole.labels],
        seed=seed,
        callback=lambda done, total: tell("ceiling", done, total),
        **budget,
    )
    facts = {
        "psnr": round(float(found.psnr.mean()), 2),
        "std": round(float(found.psnr.std()), 2),
        "images": len(y),
    }
    pairs = [row for at in (0, 8) for row in (y[at : at + 8], found.images[at : at + 8])]
    return facts, tile(torch.cat(pairs), columns=min(8, len(y)))


def _kid(
    drawn: np.ndarray, held_out: Cuts, train: Cuts | None, seed: int, tell: Progress
) -> dict[str, Any]:
    """KID of samples against held-out images, and the floor if there are training images."""
    real = train.take(_some(len(train), len(drawn), seed)) if train else None
    total = len(held_out) + len(drawn) + (0 if real is None else len(real))
    seen = iter(range(1, total + 1))

    def features(images: Iterable[np.ndarray]) -> np.ndarray:
        return kid.pooled(_ticking((_seen(image) for image in images), "KID", seen, total, tell))

    truth = features(image for chunk in held_out.chunks() for image in chunk)
    facts = {"kid": _rounded(kid.kid(features(drawn), truth, seed=seed), len(drawn))}
    if real is not None:
        facts["kid_floor"] = _rounded(kid.kid(features(real), truth, seed=seed), len(real))
    return facts


def _memory(
    drawn: np.ndarray, held_out: Cuts, train: Cuts, tell: Progress
) -> tuple[dict[str, Any], np.ndarray]:
    total = -(-len(train) // next(len(c) for c in train.chunks()))
    seen = iter(range(1, total + 1))
    chunks = _ticking(train.chunks(), "training images", seen, total, tell)
    bank = np.concatenate([small(chunk) for chunk in chunks])
    others = np.concatenate([small(chunk) for chunk in held_out.chunks()])
    rows = small(drawn)
    near, near_held_out = nearest(rows, bank), nearest(others, bank)
    found = memory(near, near_held_out)
    facts = {k: round(v, 4) for k, v in dataclasses.asdict(found).items()}
    facts |= {"copied": found.copied, "train": len(train)}
    return facts, _neighbour_sheet(drawn, near, train, held_out, nearest(rows, others, k=1))


def _neighbour_sheet(
    drawn: np.ndarray, near: Near, train: Cuts, held_out: Cuts, other: Near
) -> np.ndarray:
    """Draw the samples that are most like copies: sample | nearest in training | in held-out."""
    rows = []
    for i in near.isolation.argsort(kind="stable")[:ROWS]:
        pictures = train.take(near.index[i, :NEIGHBOURS])
        rows.append(
            [
                (f"sample, r {near.isolation[i]:.2f}", drawn[i]),
                *(
                    (f"train {d:.3f}", picture)
                    for d, picture in zip(near.distance[i], pictures, strict=False)
                ),
                (f"held-out {other.distance[i, 0]:.3f}", held_out.take(other.index[i])[0]),
            ]
        )
    return sheet(rows, height=96)


def _some(total: int, count: int, seed: int) -> np.ndarray:
    """Choose ``count`` of ``total`` at random, each at most once."""
    return np.random.default_rng(seed).permutation(total)[:count]


def _seen(image: np.ndarray) -> np.ndarray:
    """Return the image, with its pixels repeated if it is too small for AlexNet."""
    times = -(-MIN_SIDE // image.shape[0])
    return image.repeat(times, 0).repeat(times, 1) if times > 1 else image


def _ticking(
    items: Iterable[T], what: str, seen: Iterator[int], total: int, tell: Progress
) -> Iterator[T]:
    for item in items:
        yield item
        tell(what, next(seen), total)


def _rounded(found: kid.Kid, count: int) -> dict[str, Any]:
    return {"mean": round(found.mean, 3), "std": round(found.std, 3), "images": count}


def _tensor(pixels: np.ndarray) -> Tensor:
    """Images uint8 (N, S, S, 3) as (N, 3, S, S) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255
