"""Metrics of one filled image against its truth, by the conventions of ``docs/metrics.md``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from inpaint.errors import ImageError, MaskError
from inpaint.evaluate.lpips import MIN_SIDE as LPIPS_MIN_SIDE
from inpaint.evaluate.lpips import lpips

PEAK = 255.0
SSIM_WINDOW = 11
SSIM_STRIP = 64
COLUMNS = (
    "mask_ratio", "bucket", "l1_pct", "psnr", "ssim", "lpips", "psnr_hole", "l1_hole", "note",
)  # fmt: skip
"""The keys of a row of :func:`measure`, in order."""


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return 10 log10(255² / MSE) in dB over all pixels and channels; inf for equal images.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Two images of one size.
    """
    _check_pair(a, b)
    return _psnr(a, b, None)


def l1_pct(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean absolute error in per cent of 255.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Two images of one size.
    """
    _check_pair(a, b)
    return _l1(a, b, None)


def psnr_hole(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """Return the PSNR in dB over the pixels of the hole only; inf if they are equal.

    Where a and b agree outside the hole, PSNR_whole = PSNR_hole + 10 log10(1 / mask_ratio).

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Two images of one size.
    mask : ndarray (H, W) of bool
        True = hole; at least one pixel.
    """
    _check_pair(a, b)
    return _psnr(a, b, _checked(mask, a))


def l1_hole(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean absolute error over the hole only, in per cent of 255.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Two images of one size.
    mask : ndarray (H, W) of bool
        True = hole; at least one pixel.
    """
    _check_pair(a, b)
    return _l1(a, b, _checked(mask, a))


def ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return the structural similarity of Wang et al. 2004, eq. 13, averaged over R, G and B.

    The settings of the paper: Gaussian window 11x11 with sigma 1.5, population covariances,
    K1 = 0.01, K2 = 0.03, L = 255, windows inside the image only. The same number as
    scikit-image's ``structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255, channel_axis=2)``.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Two images of one size.

    Returns
    -------
    float or None
        None where a side is below 11 pixels: no window fits, so there is nothing to average.
    """
    _check_pair(a, b)
    h, w = a.shape[:2]
    if min(h, w) < SSIM_WINDOW:
        return None
    windows = (h - SSIM_WINDOW + 1) * (w - SSIM_WINDOW + 1)
    return 1 - sum(_ssim_loss(a[..., c], b[..., c]) for c in range(3)) / (3 * windows)


def mask_ratio(mask: np.ndarray) -> float:
    """Return the share of hole pixels of a bool mask (H, W), in [0, 1]."""
    return float(np.count_nonzero(mask)) / mask.size


def bucket(ratio: float) -> str:
    """Return the class of mask ratios, "00-10" ... "50-60" as in Liu et al. 2018, "90-100" at most.

    A bucket holds its upper bound, (0.1, 0.2] being "10-20". The paper has none at or below 0.01
    and none above 0.6; here the first takes the former, and the series simply goes on.
    """
    # 0.30000000000000004 is still "20-30".
    step = min(max(math.ceil(ratio * 10 - 1e-9) - 1, 0), 9)
    return f"{step * 10:02d}-{(step + 1) * 10:02d}"


def measure(
    truth: np.ndarray,
    filled: np.ndarray,
    mask: np.ndarray,
    *,
    with_lpips: bool = True,
) -> dict[str, Any]:
    """Return one row of results.

    Parameters
    ----------
    truth, filled : ndarray (H, W, 3) of uint8, RGB
        The original and the composite, whole.
    mask : ndarray (H, W) of bool
        True = hole; at least one pixel.
    with_lpips : bool
        False leaves ``lpips`` None, which saves most of the time of a large image.

    Returns
    -------
    dict
        The keys of ``COLUMNS``. ``ssim`` and ``lpips`` are None where the image is too small
        for them, and ``note`` then says so; PSNRs are ``math.inf`` for a perfect fill.

    Raises
    ------
    ImageError, MaskError
        If types or shapes do not fit, or the mask is empty.
    """
    _check_pair(truth, filled)
    _checked(mask, truth)
    h, w = mask.shape
    notes = []
    similarity = ssim(truth, filled)
    if similarity is None:
        notes.append(f"no ssim: {w}x{h} is below {SSIM_WINDOW}x{SSIM_WINDOW}")
    distance = None
    if with_lpips and min(h, w) < LPIPS_MIN_SIDE:
        notes.append(f"no lpips: {w}x{h} is below {LPIPS_MIN_SIDE}x{LPIPS_MIN_SIDE}")
    elif with_lpips:
        distance = lpips(truth, filled)
    ratio = mask_ratio(mask)
    return {
        "mask_ratio": ratio,
        "bucket": bucket(ratio),
        "l1_pct": _l1(truth, filled, None),
        "psnr": _psnr(truth, filled, None),
        "ssim": similarity,
        "lpips": distance,
        "psnr_hole": _psnr(truth, filled, mask),
        "l1_hole": _l1(truth, filled, mask),
        "note": "; ".join(notes),
    }


def to_json(row: Mapping[str, Any]) -> str:
    """Return a row as one line of strict JSON, in which infinity and NaN become null."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    return json.dumps({k: plain(v) for k, v in row.items()}, allow_nan=False, ensure_ascii=False)


def _check_pair(a: np.ndarray, b: np.ndarray) -> None:
    for image in (a, b):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ImageError(
                f"metrics take RGB uint8 arrays (H, W, 3), got {image.dtype} {image.shape}; "
                "convert first"
            )
    if a.shape != b.shape:
        raise ImageError(f"metrics compare equal sizes, got {a.shape} and {b.shape}; resize first")
    if a.size == 0:
        raise ImageError(f"metrics need at least one pixel, got {a.shape}")


def _checked(mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(
            f"expected a bool mask {image.shape[:2]}, got {mask.dtype} {mask.shape}; "
            "True marks the hole"
        )
    if not mask.any():
        raise MaskError("the mask marks no hole, so there is nothing to measure inside it")
    return mask


def _psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None) -> float:
    squares, count = _sum(a, b, mask, cv2.NORM_L2SQR)
    return 10 * math.log10(PEAK**2 * count / squares) if squares else math.inf


def _l1(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None) -> float:
    absolutes, count = _sum(a, b, mask, cv2.NORM_L1)
    return 100 * absolutes / (count * PEAK)


def _sum(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None, norm: int) -> tuple[int, int]:
    """Return the sum of absolute or squared differences, exact, and of how many."""
    if mask is None:
        return round(cv2.norm(a, b, norm)), a.size
    return round(cv2.norm(a, b, norm, mask.view(np.uint8))), 3 * int(np.count_nonzero(mask))


def _ssim_loss(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of 1 - SSIM over all windows of one channel."""
    radius, rows = SSIM_WINDOW // 2, a.shape[0] - SSIM_WINDOW + 1
    # Strips, so that the filtered maps stay in the processor's cache.
    starts = range(0, rows, SSIM_STRIP)
    ends = [min(start + SSIM_STRIP, rows) + 2 * radius for start in starts]
    return sum(_ssim_strip(a[i:j], b[i:j], radius) for i, j in zip(starts, ends, strict=True))


def _ssim_strip(a: np.ndarray, b: np.ndarray, radius: int) -> float:
    offsets = np.arange(-radius, radius + 1)
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(x: np.ndarray) -> np.ndarray:
        full = cv2.sepFilter2D(x, cv2.CV_64F, window, window)
        return full[radius:-radius, radius:-radius]

    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = mean(x), mean(y)
    product, squares = mx * my, mx * mx + my * my
    covariance = mean(x * y) - product
    variances = mean(x * x + y * y) - squares
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    score = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return float(np.sum(1 - score))
