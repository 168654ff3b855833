"""LPIPS v0.1 on AlexNet (Zhang et al., CVPR 2018): how different two images look.

The distance of eq. 1, with unit-normalised channels x̂ of five layers l and learnt weights w_l::

    d(a, b) = Σ_l 1/(H_l W_l) Σ_{h,w} Σ_c w_lc (x̂_lhwc(a) - x̂_lhwc(b))²

(the published heads are 1x1 convolutions on the squared difference, so w here is the paper's w²).
0 means equal; above about 0.3 two photos look plainly different.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

from inpaint.errors import ImageError, WeightsError

WEIGHTS = Path(__file__).parents[1] / "zoo" / "lpips-alex" / "model.safetensors"

MIN_SIDE = 31
"""Below this a side vanishes in AlexNet's second max pooling (31 -> 7 -> 3 -> 1)."""

# Name in the file, stride, padding, and whether a 3x3 max pooling of stride 2 comes first.
_LAYERS = (
    ("features.0", 4, 2, False),
    ("features.3", 1, 2, True),
    ("features.6", 1, 1, True),
    ("features.8", 1, 1, False),
    ("features.10", 1, 1, False),
)
_WIDTHS = (64, 192, 384, 256, 256)
# The heads were fitted on inputs in [-1, 1] standardised with these (v0.1 "scaling layer").
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Lpips:
    """AlexNet up to its fifth convolution, with the LPIPS head of each layer.

    Parameters
    ----------
    weights : mapping of str to Tensor
        ``features.{0,3,6,8,10}.{weight,bias}`` and ``lin.{0..4}.weight``; used in float32.
    device : str or torch.device
        Where the computation runs; results come back on it.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], *, device: str | torch.device = "cpu"
    ) -> None:
        # Stored in half precision to save megabytes, computed in float32 to keep four digits.
        w = {k: v.detach().to(device, torch.float32) for k, v in weights.items()}
        try:
            self._convs = [(w[f"{n}.weight"], w[f"{n}.bias"]) for n, *_ in _LAYERS]
            self._heads = [w[f"lin.{i}.weight"] for i in range(len(_LAYERS))]
        except KeyError as exc:
            raise WeightsError(f"LPIPS weights lack {exc}; use the file of zoo/lpips-alex") from exc
        for (kernel, _), head, width in zip(self._convs, self._heads, _WIDTHS, strict=True):
            if kernel.shape[0] != width or head.shape != (1, width, 1, 1):
                raise WeightsError(
                    f"LPIPS weights have a layer of {kernel.shape[0]} channels where AlexNet has "
                    f"{width}; use the file of zoo/lpips-alex"
                )
        self._shift = torch.tensor(_SHIFT, device=device).view(1, 3, 1, 1)
        self._scale = torch.tensor(_SCALE, device=device).view(1, 3, 1, 1)
        self.device = torch.device(device)

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the five activations after each ReLU.

        Parameters
        ----------
        images : Tensor (N, 3, H, W), RGB in [0, 1]
            Both sides at least ``MIN_SIDE``.

        Returns
        -------
        list of Tensor (N, C_l, H_l, W_l)
            C_l = 64, 192, 384, 256, 256; differentiable.

        Raises
        ------
        ImageError
            If the shape is not (N, 3, H, W) or a side is too small.
        """
        _check(images)
        x = (images.to(self.device, torch.float32) * 2 - 1 - self._shift) / self._scale
        out = []
        for (kernel, bias), (_, stride, padding, pool) in zip(self._convs, _LAYERS, strict=True):
            x = functional.max_pool2d(x, kernel_size=3, stride=2) if pool else x
            x = functional.relu(functional.conv2d(x, kernel, bias, stride=stride, padding=padding))
            out.append(x)
        return out

    def loss(self, a: Tensor, b: Tensor) -> Tensor:
        """Return eq. 1 for a whole batch at once, differentiable: for training.

        Parameters
        ----------
        a, b : Tensor (N, 3, H, W), RGB in [0, 1]
            Equal shapes, sides at least ``MIN_SIDE``.

        Returns
        -------
        Tensor (N,)
            Equal to :meth:`distance` up to rounding, which varies with the batch's shape.
        """
        if a.shape != b.shape:
            raise ImageError(f"LPIPS compares equal shapes, got {_size(a)} and {_size(b)}")
        total = torch.zeros(len(a), device=self.device)
        layers = zip(self.features(a), self.features(b), self._heads, strict=True)
        for fa, fb, head in layers:
            diff = _unit(fa) - _unit(fb)
            total = total + functional.conv2d(diff.square(), head).mean(dim=(1, 2, 3))
        return total

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Return eq. 1 pair by pair: for reports.

        Kernels change their rounding with the batch's shape, so every pair is computed alone:
        an image gets the same figure whatever stands beside it. On one core this costs nothing
        measurable, since one image already fills it.

        Parameters
        ----------
        a, b : Tensor (N, 3, H, W), RGB in [0, 1]
            Equal shapes, sides at least ``MIN_SIDE``.

        Returns
        -------
        Tensor (N,)
        """
        if a.shape != b.shape:
            raise ImageError(f"LPIPS compares equal shapes, got {_size(a)} and {_size(b)}")
        with torch.no_grad():
            pairs = [self.loss(a[i : i + 1], b[i : i + 1]) for i in range(len(a))]
        return torch.cat(pairs) if pairs else torch.zeros(0, device=self.device)


def load(path: str | Path = WEIGHTS, *, device: str | torch.device = "cpu") -> Lpips:
    """Read the weights from a safetensors file and check them against its ``config.json``.

    Parameters
    ----------
    path : path
        The safetensors file; a ``config.json`` beside it, where present, holds its sha256.
    device : str or torch.device
        Where the computation is to run.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or not the one its config describes.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise WeightsError(f"cannot read the LPIPS weights {path}: {exc.strerror}") from exc
    config = path.with_name("config.json")
    if config.is_file():
        expected = json.loads(config.read_text(encoding="utf-8")).get("sha256")
        if expected and hashlib.sha256(data).hexdigest() != expected:
            raise WeightsError(f"{path} does not match the sha256 in {config}; install it again")
    try:
        weights = safetensors.torch.load(data)
    except Exception as exc:  # the reader raises its own, undocumented type
        raise WeightsError(f"{path} is not a readable safetensors file: {exc}") from exc
    return Lpips(weights, device=device)


@functools.lru_cache(maxsize=2)
def cached(path: str | Path = WEIGHTS) -> Lpips:
    """Return the model on the CPU, loaded once per process."""
    return load(path)


def to_tensor(image: np.ndarray) -> Tensor:
    """Turn RGB uint8 (H, W, 3) into a float32 Tensor (1, 3, H, W) in [0, 1]."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(
            f"expected an RGB uint8 array (H, W, 3), got {image.dtype} {image.shape}; "
            "convert it first"
        )
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def lpips(a: np.ndarray, b: np.ndarray, *, model: Lpips | None = None) -> float:
    """Return the LPIPS distance of two images.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Both sides at least ``MIN_SIDE`` (31); the whole composite, not only the hole.
    model : Lpips, optional
        Default: the shipped weights on the CPU, loaded once.

    Raises
    ------
    ImageError
        If shapes or types differ or a side is too small.
    """
    return float((model or cached()).distance(to_tensor(a), to_tensor(b))[0])


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ImageError(f"LPIPS takes (N, 3, H, W), got {_size(images)}; put RGB second")
    if min(images.shape[2:]) < MIN_SIDE:
        h, w = images.shape[2:]
        raise ImageError(f"LPIPS needs at least {MIN_SIDE}x{MIN_SIDE} pixels, got {w}x{h}")


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=1e-10)


def _size(images: Tensor) -> str:
    return str(tuple(images.shape))
