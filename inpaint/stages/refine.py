"""What the learned refiners share: they load weights, work at the network's size, change the hole.

The network sees the crop at a side S that it was trained on. Its change is enlarged and added to
the crop, so that the detail of the crop stays.
"""

from __future__ import annotations

import importlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from inpaint.errors import WeightsError
from inpaint.images.resize import enlarge
from inpaint.stages.patch import Patch
from inpaint.zoo import registry
from inpaint.zoo.weights import read_config

if TYPE_CHECKING:
    from torch import Tensor, nn


def refine(
    patch: Patch,
    kind: str,
    *,
    family: str,
    sharpness: float,
    device: str = "cpu",
    coarse: bool = False,
    **options: Any,
) -> Patch:
    """Run the refiner ``kind`` of ``family`` on ``patch``; without weights for it, return it.

    Parameters
    ----------
    patch : Patch
        Any size; its ``filled`` is what gets refined.
    kind : str
        The stage's name, which is its weights' ``kind``.
    family : str
        The family of the prior that made the fill, because a refiner was trained on its fills.
    sharpness : float
        0 for the most likely pixel values (PSNR), 1 for the most natural look. For a value
        between, the network draws both and they are mixed.
    device : str
        Where the network runs.
    coarse : bool
        See the picture at the network's smallest size: the detail beyond it is drawn later.
    **options
        Passed on to the network, such as ``passes``.
    """
    folder = registry.refiner_folder(kind, family)
    if folder is None or not patch.mask.any():
        return patch
    import torch

    network = load(folder, device)
    side = int(network.size) if coarse else side_of(network, max(patch.mask.shape))  # type: ignore[arg-type]
    # Padded with its own edge, because the network was not trained on black borders.
    small = _resized(_padded(patch.filled), side)
    share = _resized(_padded(patch.mask.astype(np.float32)), side)
    hole = share > 0.05
    if not hole.any():
        return patch
    x = torch.from_numpy(small).permute(2, 0, 1)[None].to(device)
    # In a mixture the mirrored guess adds 0.01 to 0.03 dB to faces, and nothing to what texture
    # is copied over.
    twice = sharpness == 0 or _aligned(family)
    holes = torch.from_numpy(hole)[None].to(device)
    y = between(network, x, holes, sharpness, mirrored=twice, **options)
    change = (y - x)[0].permute(1, 2, 0).cpu().numpy()
    # ``enlarge`` takes values in [0, 1], and a change of a picture lies in [-1, 1].
    grown = enlarge(change * 0.5 + 0.5, patch.mask.shape) * 2 - 1
    return patch.with_filled(np.clip(patch.filled + grown, 0, 1))


def between(
    network: nn.Module,
    x: Tensor,
    hole: Tensor,
    sharpness: float,
    *,
    mirrored: bool = True,
    **options: Any,
) -> Tensor:
    """Return what the network makes of x (N, 3, S, S) and ``hole`` (N, S, S), not clipped.

    ``sharpness`` mixes its two aims. ``mirrored`` takes, for the most likely pixel values, the mean
    of its results for the picture and for the mirrored picture, which errs less than either; the
    network was trained on both.
    """
    import torch

    from inpaint.devices import one_thread

    # All guesses at once, channels last: half the time of one after the other in planes.
    rows, holes, aims = [], [], []
    if sharpness < 1:
        rows, holes, aims = [x], [hole], [0.0]
        if mirrored:
            rows, holes, aims = [x, x.flip(3)], [hole, hole.flip(2)], [0.0, 0.0]
    if sharpness > 0:
        rows, holes, aims = [*rows, x], [*holes, hole], [*aims, 1.0]
    every = torch.cat(rows).contiguous(memory_format=torch.channels_last)
    aim = x.new_tensor(aims).repeat_interleave(len(x))
    with torch.inference_mode(), one_thread(x.device):
        guesses = network(every, torch.cat(holes), aim, **options)[-1].split(len(x))
        if sharpness == 1:
            return guesses[0]
        faithful = (guesses[0] + guesses[1].flip(3)) / 2 if mirrored else guesses[0]
        return faithful if sharpness == 0 else torch.lerp(faithful, guesses[-1], sharpness)


def _aligned(family: str) -> bool:
    """Whether a family was trained on whole pictures that are framed alike."""
    return any(
        config.get("family") == family and config.get("view") == "whole"
        for config in registry.shipped().values()
    )


def side_of(network: nn.Module, side: int) -> int:
    """The side, a multiple of 16, at which a network sees a picture whose longer side is ``side``.

    It is the network's own ``size``. A network that was trained on several sides has a ``largest``,
    and sees a picture between the two as large as it is.
    """
    least, most = int(network.size), int(getattr(network, "largest", network.size))  # type: ignore[arg-type]
    return min(max(-(-side // 16) * 16, least), most)


def _padded(image: np.ndarray) -> np.ndarray:
    """Repeat the edge of an array (H, W, ...) evenly until it is the square that `enlarge` cuts."""
    height, width = image.shape[:2]
    side = max(height, width)
    rows, cols = ((side - n) // 2 for n in (height, width))
    edges = ((rows, side - height - rows), (cols, side - width - cols))
    return np.pad(image, (*edges, *[(0, 0)] * (image.ndim - 2)), mode="edge")


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    if image.shape[0] == side:
        return image
    how = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=how))


def load(folder: Path, device: str = "cpu") -> nn.Module:
    """The refiner in ``folder`` on ``device``, frozen; loaded once for each state of the folder.

    Raises WeightsError for files that do not fit.
    """
    return _load(folder, json.dumps(read_config(folder), sort_keys=True), device)


@lru_cache(maxsize=8)
def _load(folder: Path, version: str, device: str) -> nn.Module:
    """Load a folder; ``version`` makes the cache tell its states apart."""
    import torch

    from inpaint.priors import convnets
    from inpaint.zoo import weights

    config, tensors = weights.load(folder)
    try:
        module = importlib.import_module(f"inpaint.stages.{config['kind']}")
        network: nn.Module = module.build(config)
        convnets.load(network, tensors, "refiner.")
    except (AttributeError, ImportError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{folder}: is no refiner, or config and weights do not fit together ({reason}); "
            "install the package again or train it anew"
        ) from error
    network = network.eval().requires_grad_(False)
    last = torch.channels_last  # the order in which convolutions are fastest
    return network.to(torch.device(device)).to(memory_format=last)  # type: ignore[call-overload]
