"""LPIPS v0.1 on AlexNet (Zhang et al., CVPR 2018): how different two images look.

The distance of eq. 1, with unit-normalised channels x̂ of five layers l and learnt weights w_l::

    d(a, b) = Σ_l 1/(H_l W_l) Σ_{h,w} Σ_c w_lc (x̂_lhwc(a) - x̂_lhwc(b))²

(the published heads are 1x1 convolutions on the squared difference, so w here is the paper's w²).
0 means equal; above about 0.3 two photos look plainly different.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inpaint.errors import ImageError, WeightsError
from inpaint.zoo import weights

FOLDER = Path(__file__).parents[1] / "zoo" / "lpips-alex"

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

    Raises WeightsError when a weight is missing or has another shape.

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
        w = {k: _ordered(v.detach().to(device, torch.float32)) for k, v in weights.items()}
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
        # (2x - 1 - shift) / scale as one multiplication and one addition.
        shift, scale = (torch.tensor(v, dtype=torch.float64) for v in (_SHIFT, _SCALE))
        self._gain = (2 / scale).to(device, torch.float32).view(1, 3, 1, 1)
        self._bias = (-(1 + shift) / scale).to(device, torch.float32).view(1, 3, 1, 1)
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
        return list(self._layers(images))

    def _layers(self, images: Tensor) -> Iterator[Tensor]:
        """One activation after the other, so that a caller need not hold all of them at once."""
        _check(images)
        images = _ordered(images.to(self.device, torch.float32))
        x = torch.addcmul(self._bias, images, self._gain)
        for (kernel, bias), (_, stride, padding, pool) in zip(self._convs, _LAYERS, strict=True):
            x = functional.max_pool2d(x, 3, 2) if pool else x
            x = functional.relu(functional.conv2d(x, kernel, bias, stride=stride, padding=padding))
            yield x

    def loss(self, a: Tensor, b: Tensor) -> Tensor:
        """Return eq. 1 for a whole batch at once, differentiable: for training.

        Raises ImageError for shapes that cannot be compared.

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
        layers = zip(self._layers(a), self._layers(b), self._heads, strict=True)
        for fa, fb, head in layers:
            inner = functional.conv2d((_unit(fa) - _unit(fb)).square(), head)
            total = total + inner.mean(dim=(1, 2, 3))
        return total

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Return eq. 1 pair by pair: for reports.

        Kernels round differently for other batch sizes, so every pair is computed by itself:
        an image gets the same figure whatever other images are measured with it. On one core
        this takes no measurable time, since one image already occupies it.

        Raises ImageError for shapes that cannot be compared.

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


def load(folder: str | Path = FOLDER, *, device: str | torch.device = "cpu") -> Lpips:
    """Read the weights of a folder, checked by their sha256.

    Parameters
    ----------
    folder : path
        With ``model.safetensors`` and ``config.json``.
    device : str or torch.device
        Where the computation is to run.

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or not what its config describes.
    """
    return Lpips(weights.load(Path(folder))[1], device=device)


@functools.lru_cache(maxsize=1)
def cached() -> Lpips:
    """Return the shipped model on the CPU, loaded once per process."""
    return load()


def lpips(a: np.ndarray, b: np.ndarray) -> float:
    """Return the LPIPS distance of two images by the shipped weights, on the CPU.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Both sides at least ``MIN_SIDE`` (31); the whole composite, not only the hole.

    Returns
    -------
    float
        At least 0, and 0 for equal images.

    Raises
    ------
    ImageError
        If shapes or types differ or a side is too small.
    """
    if a.shape != b.shape:
        raise ImageError(f"LPIPS compares equal shapes, got {a.shape} and {b.shape}")
    return float(cached().distance(to_tensor(a), to_tensor(b))[0])


def to_tensor(image: np.ndarray) -> Tensor:
    """Turn RGB uint8 (H, W, 3) into a float32 Tensor (1, 3, H, W) in [0, 1].

    Raises ImageError for any other array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(
            f"expected an RGB uint8 array (H, W, 3), got {image.dtype} {image.shape}; "
            "convert it first"
        )
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ImageError(f"LPIPS takes (N, 3, H, W), got {_size(images)}; put RGB second")
    height, width = images.shape[2:]
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"LPIPS needs at least {MIN_SIDE}x{MIN_SIDE} pixels, got {width}x{height}")


def _ordered(x: Tensor) -> Tensor:
    # Channels last: a fifth faster at 1 MP on a CPU, three times at 64 px.
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=1e-10)


def _size(images: Tensor) -> str:
    return str(tuple(images.shape))
