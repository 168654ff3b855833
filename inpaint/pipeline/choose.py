"""Chooses the prior of an image: the one under which its known pixels are most likely.

The priors of a family (config key ``family``) were trained on the same images. The likelihood of
the known pixels under the family's Gaussian is exact. It is computed at 32 pixels with the leading
components (``inpaint.priors.evidence``), so that the content of the picture decides and not the
sharpness of the file. A family whose images were all framed alike (config key ``view`` = ``whole``,
such as aligned faces) only suits a whole, nearly square picture. The others are used around each
hole.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from inpaint import images
from inpaint.devices import one_thread
from inpaint.errors import WeightsError
from inpaint.images import Picture
from inpaint.images.resize import shrink
from inpaint.priors.evidence import SIDE, Coarse, coarse
from inpaint.zoo import registry, weights

log = logging.getLogger(__name__)
# The longer side of an aligned picture is at most so many times the shorter one.
ALIGNED_SIDES = 4 / 3
# Sides of twice this or more are shrunk first, because more detail does not help to choose.
OVERVIEW = 1024


@dataclass(frozen=True)
class Choice:
    """The chosen prior, whether it sees the whole picture, and how the families compared.

    ``evidence`` holds the log density of the known pixels for each value, in nats, by family; it is
    empty for a prior that was asked for.
    """

    name: str
    whole: bool
    evidence: dict[str, float] = field(default_factory=dict)


def overview(picture: Picture, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shrink a picture and its mask (H, W) for ``choose_prior``, in little memory.

    Both sides are divided by the largest whole number that leaves the longer side ``OVERVIEW``
    pixels. Each block becomes the mean of its known pixels, or hole if it has none. Incomplete
    blocks at the right and lower edge are left out.
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


def choose_prior(image: np.ndarray, mask: np.ndarray) -> Choice:
    """Choose among the shipped families for an image (H, W, 3) in [0, 1] and its mask (H, W).

    The result is the Gaussian of the best family, because it has the highest PSNR of the family's
    priors, and the stages after it add the detail (docs/search.md). Raises WeightsError when no
    shipped family has a Gaussian.
    """
    members = families()
    if max(mask.shape) > ALIGNED_SIDES * min(mask.shape):
        around = {k: v for k, v in members.items() if not sees_whole(v["gaussian"])}
        members = around or members
    names = {family: kinds["gaussian"] for family, kinds in members.items()}
    evidence = compared(names, image, mask)
    family = most_likely(evidence, names)
    log.info("prior %s chosen; log density of a known value: %s", names[family], evidence)
    return Choice(names[family], sees_whole(names[family]), evidence)


def compared(names: Mapping[str, str], image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return the log density per known value, in nats, under the Gaussian of each family.

    Parameters
    ----------
    names : mapping
        The Gaussian prior of each family.
    image : ndarray (H, W, 3), float in [0, 1]
        The whole picture; its values inside the hole are not read.
    mask : ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    WeightsError
        ``names`` is empty, or weights cannot be read.
    """
    if not names:
        raise WeightsError(
            f"{registry.ZOO}: no gaussian prior to choose by; install the package again, "
            "or name a prior folder with --prior"
        )
    shipped = registry.shipped()
    folders = [registry.ZOO / name for name in names.values()]
    configs = [shipped[name] for name in names.values()]
    side = min(SIDE, *(int(config["size"]) for config in configs))
    small, hole = shrink(image, mask, side)
    x, m = torch.from_numpy(small).permute(2, 0, 1), torch.from_numpy(hole)
    found = {}
    with one_thread(torch.device("cpu")):
        for family, folder, config in zip(names, folders, configs, strict=True):
            model = _coarse(folder, json.dumps(config, sort_keys=True), side)
            found[family] = model.log_density(x, m)
    return found


def coarse_view(name: str) -> Coarse:
    """The coarse view of a Gaussian prior by name, as ``compared`` uses it."""
    folder, config = registry.ZOO / name, registry.shipped()[name]
    return _coarse(folder, json.dumps(config, sort_keys=True), min(SIDE, int(config["size"])))


def most_likely(evidence: Mapping[str, float], names: Mapping[str, str]) -> str:
    """Return the family of most evidence; among equals, one that is used around holes.

    All are equal where no pixel is known.

    ``evidence`` is what ``compared`` returns for ``names``.
    """
    return max(evidence, key=lambda family: (evidence[family], not sees_whole(names[family])))


@lru_cache(maxsize=8)
def _coarse(folder: Path, version: str, side: int) -> Coarse:
    """Load the leading components; ``version`` makes the cache tell a folder's states apart."""
    config, tensors = weights.load(folder)
    return coarse(int(config["size"]), tensors, side=side)


def families() -> dict[str, dict[str, str]]:
    """Return the shipped families that have a Gaussian, as {family: {kind: prior name}}."""
    found: dict[str, dict[str, str]] = {}
    for name, config in registry.shipped().items():
        if "family" in config:
            found.setdefault(config["family"], {})[config["kind"]] = name
    return {family: kinds for family, kinds in found.items() if "gaussian" in kinds}


def companion(name: str) -> str | None:
    """Return the Gaussian of the same family as a prior of another kind, if there is one."""
    config = registry.prior_config(name)
    other = families().get(str(config.get("family")), {}).get("gaussian")
    return None if config["kind"] == "gaussian" else other


def sees_whole(name: str) -> bool:
    """Whether a prior was trained on whole, aligned pictures (config key ``view``)."""
    return registry.prior_config(name).get("view") == "whole"
