"""Which prior suits an image: the one under which its known pixels are most likely.

Priors come in families (config key ``family``) that were trained on the same images; the
family's Gaussian prior has an exact evidence log p(x_k), which is compared. A family whose images
were all framed alike (config key ``view`` = ``whole``, such as aligned faces) only makes sense
for a whole picture, and a nearly square one, and is asked about that; the others are used around
each hole. Since a wrong face in a landscape is worse than a dull one, it must also foresee known
pixels that are hidden from it better than the best of the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from inpaint import images
from inpaint.errors import WeightsError
from inpaint.images import Picture
from inpaint.images.resize import shrink
from inpaint.zoo import registry

if TYPE_CHECKING:
    from inpaint.priors.gaussian import Gaussian

log = logging.getLogger(__name__)
# Aligned pictures are nearly square; one longer than this, in its shorter side, is none.
ALIGNED_SIDES = 4 / 3
# Which member of the chosen family fills, by mode.
KIND_OF_MODE = {"psnr": "gaussian", "sharp": "gaussian"}
# What is hidden of the known pixels to ask a family of aligned pictures: this share of 8x8 cells.
CELLS, HIDDEN_SHARE = 8, 0.25
# How much worse it may do there than the others (0.5 dB), having more evidence; landscapes taken
# for faces did worse by 0.8 dB and more, faces almost always better (benchmarks/choosing.py).
TOLERANCE = 1.12
# Sides from twice this are shrunk before anything is chosen: more detail tells nothing.
OVERVIEW = 1024
View = tuple[torch.Tensor, torch.Tensor]  # image (3, S, S) in [0, 1], mask (S, S)


@dataclass(frozen=True)
class Choice:
    """The prior to use, whether it sees the whole picture, and how the families compared.

    ``evidence`` holds log p of the known pixels a value, in nats, by family; nothing for a prior
    that was asked for.
    """

    name: str
    whole: bool
    evidence: dict[str, float] = field(default_factory=dict)


def overview(picture: Picture, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its mask (H, W) as ``choose_prior`` takes them, in little memory.

    The longer side is divided by its largest whole factor that leaves ``OVERVIEW`` pixels: each
    block is the mean of its known pixels, and hole where it has none. A rest of fewer pixels than
    the factor at the right and lower edge is left out.
    """
    factor = max(mask.shape) // OVERVIEW
    if factor < 2 or min(mask.shape) < factor:
        return images.rgb01(picture), mask
    rows, columns = (side // factor for side in mask.shape)
    small = np.empty((rows, columns, 3), np.float32)
    known = np.empty((rows, columns), np.float32)
    for row in range(rows):
        where = slice(row * factor, (row + 1) * factor), slice(0, columns * factor)
        share = (~mask[where]).reshape(factor, columns, factor).astype(np.float32)
        colours = images.rgb01(images.part(picture, where)).reshape(factor, columns, factor, 3)
        known[row] = share.sum((0, 2))
        small[row] = np.einsum("ycxk,ycx->ck", colours, share)
    return small / np.maximum(known, 1)[..., None], known == 0


def choose_prior(image: np.ndarray, mask: np.ndarray, *, mode: str, device: str = "cpu") -> Choice:
    """Choose among the shipped families for an image (H, W, 3) in [0, 1] and its mask (H, W).

    The families are asked on ``device``, where the chosen one will be searched.

    Raises WeightsError when no shipped family has a Gaussian prior to compare by.
    """
    members = families()
    if max(mask.shape) > ALIGNED_SIDES * min(mask.shape):
        around = {k: v for k, v in members.items() if not sees_whole(v["gaussian"])}
        members = around or members
    names = {family: kinds["gaussian"] for family, kinds in members.items()}
    look = cache(partial(view, image, mask, device=device))  # shrinking a photo is slow
    evidence = {}
    for family, gaussian_name in names.items():
        gaussian: Gaussian = registry.load_prior(gaussian_name, device)  # type: ignore[assignment]
        evidence[family] = gaussian.log_evidence(*look(gaussian.size))
    if not evidence:
        raise WeightsError(
            f"{registry.ZOO}: no gaussian prior to choose by; install the package again, "
            "or name a prior folder with --prior"
        )
    family = best(evidence, names, look, device=device)
    name = members[family].get(KIND_OF_MODE[mode], names[family])
    log.info("prior %s chosen; log evidence a value: %s", name, evidence)
    return Choice(name, sees_whole(name), evidence)


def view(image: np.ndarray, mask: np.ndarray, size: int, *, device: str = "cpu") -> View:
    """An image (H, W, 3) in [0, 1] and its mask (H, W) as a prior of ``size`` sees them whole."""
    small, hole = shrink(image, mask, size)
    x = torch.from_numpy(small).permute(2, 0, 1)
    return x.to(device), torch.from_numpy(hole).to(device)


def best(
    evidence: Mapping[str, float],
    names: Mapping[str, str],
    look: Callable[[int], View],
    *,
    device: str = "cpu",
) -> str:
    """The family of most evidence; one of aligned pictures must also foresee hidden pixels best.

    Smooth photos are likely under any prior of smooth pictures, faces included. What gives them
    away is that the faces, asked for known pixels that are hidden, answer with a face.

    Parameters
    ----------
    evidence : mapping
        Log p of what is known, by family; at least one.
    names : mapping
        The Gaussian prior of each of these families.
    look : callable
        ``look(size)``: the whole picture as a prior of this size sees it. Only called if it has
        to be asked about.
    device : str
        Where the priors are asked, and ``look`` puts what it returns.
    """
    ranked = sorted(evidence, key=lambda family: evidence[family], reverse=True)
    first, others = ranked[0], [f for f in ranked[1:] if not sees_whole(names[f])]
    if not (others and sees_whole(names[first])):
        return first
    errors = {f: _hidden_error(names[f], look, device) for f in (first, others[0])}
    log.info("mean squared error on hidden known pixels: %s", errors)
    return first if errors[first] <= TOLERANCE * errors[others[0]] else others[0]


def _hidden_error(name: str, look: Callable[[int], View], device: str) -> float:
    """Mean squared error of the closed form on known pixels that are hidden from it in cells."""
    gaussian: Gaussian = registry.load_prior(name, device)  # type: ignore[assignment]
    size = gaussian.size
    image, mask = look(size)
    cells = np.random.default_rng(0).random((CELLS, CELLS)) < HIDDEN_SHARE
    rows = np.arange(size) * CELLS // size
    hidden = torch.from_numpy(cells[rows][:, rows]).to(device) & ~mask
    guess = gaussian.generate(gaussian.means(image[None], mask | hidden).float())[0]
    return float((guess - image)[:, hidden].square().mean()) if hidden.any() else 0.0


def families() -> dict[str, dict[str, str]]:
    """Shipped families that have a Gaussian member: {family: {kind: prior name}}."""
    found: dict[str, dict[str, str]] = {}
    for name, config in registry.shipped().items():
        if "family" in config:
            found.setdefault(config["family"], {})[config["kind"]] = name
    return {family: kinds for family, kinds in found.items() if "gaussian" in kinds}


def companion(name: str) -> str | None:
    """The Gaussian prior of the same family and size, for a prior of another kind that has one."""
    config = registry.prior_config(name)
    other = families().get(str(config.get("family")), {}).get("gaussian")
    if config["kind"] == "gaussian" or other is None:
        return None
    same = registry.shipped()[other]["size"] == config.get("size")
    return other if same else None


def sees_whole(name: str) -> bool:
    """Whether a prior was trained on whole, aligned pictures (config key ``view``)."""
    return registry.prior_config(name).get("view") == "whole"
