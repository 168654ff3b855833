"""LPIPS of a fill and its truth, computed only where they differ.

Outside the hole the two are one picture, so most activations are equal and contribute exactly
nothing to the sums. Each layer is computed where the changed box reaches (at most 81 pixels
further for the last one) and divided by the size of the whole layer: the value of the full
computation, up to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inpaint.errors import ImageError
from inpaint.evaluate.lpips import Lpips, Stage, cached, check_size, to_tensor, weighted
from inpaint.evaluate.regions import Shape, Spans, Window, changed

ALIGNMENT = 16
"""Boxes grow to this grid, AlexNet's total stride: fills of one hole then share a truth."""

KEEP_BYTES = 2**28
"""A truth whose activations take more than this (about 4 MP) is computed again for each fill."""


class Layer(NamedTuple):
    """Size of a layer (the first is the image), where it changes, what the truth must hold."""

    shape: Shape
    reach: Spans
    need: Spans


class _Truth(NamedTuple):
    layers: list[Layer]
    pixels: np.ndarray
    activations: list[Tensor]


class Comparer:
    """Measures fills against truths, and encodes a truth once for fills of the same hole.

    Remembers the last truth only, by content; what it remembers never changes a value, not even
    in the last bit. Not for several threads at once.

    Parameters
    ----------
    model : Lpips, optional
        Default: the shipped weights on the CPU, loaded once per process.
    """

    def __init__(self, model: Lpips | None = None) -> None:
        self._model = model  # loaded late: a run may have nothing to measure
        self._last: _Truth | None = None

    def __call__(self, truth: np.ndarray, filled: np.ndarray) -> float:
        """Return the LPIPS distance of two images.

        Parameters
        ----------
        truth, filled : ndarray (H, W, 3) of uint8, RGB
            Both sides at least ``MIN_SIDE`` (31); the whole composite, not only the hole.

        Returns
        -------
        float
            At least 0, and 0 for equal images; within 1e-6 of ``Lpips.distance``.

        Raises
        ------
        ImageError
            If shapes or types differ or a side is too small.
        """
        if truth.shape != filled.shape:
            raise ImageError(f"LPIPS compares equal shapes, got {truth.shape} and {filled.shape}")
        for image in (truth, filled):
            to_tensor(image[:1])  # refuses other types
        check_size(*truth.shape[:2])
        box = changed(truth, filled)
        if box is None:
            return 0.0
        h, w = truth.shape[:2]
        model = self._model = self._model or cached()
        layers = plan_layers(model.stages(), (h, w), box.aligned(ALIGNMENT, (h, w)))
        with torch.no_grad():
            return _distance(model, self._encoded(model, truth, layers), filled)

    def _encoded(self, model: Lpips, truth: np.ndarray, layers: list[Layer]) -> _Truth:
        pixels = truth[layers[0].need.slices]
        if (
            self._last is not None
            and self._last.layers == layers
            and np.array_equal(self._last.pixels, pixels)
        ):
            return self._last
        self._last = None  # frees its memory before more is taken
        encoded = _Truth(layers, pixels.copy(), _encode(model, pixels, layers))
        if sum(x.nbytes for x in encoded.activations) <= KEEP_BYTES:
            self._last = encoded
        return encoded


def lpips(a: np.ndarray, b: np.ndarray, *, model: Lpips | None = None) -> float:
    """Return the LPIPS distance of two images, see :class:`Comparer`.

    Parameters
    ----------
    a, b : ndarray (H, W, 3) of uint8, RGB
        Both sides at least ``MIN_SIDE`` (31); the whole composite, not only the hole.
    model : Lpips, optional
        Default: the shipped weights on the CPU, loaded once.
    """
    return Comparer(model)(a, b)


def plan_layers(stages: Sequence[Stage], shape: Shape, box: Spans) -> list[Layer]:
    """Return which part of each layer to compute, the image first.

    Parameters
    ----------
    stages : sequence of Stage
        Of the network.
    shape : tuple of int
        Height and width of the image.
    box : Spans
        Where two images differ; not empty.

    Returns
    -------
    list of Layer
        Ends early where no window sees the box: pooling drops an odd last row.
    """
    shapes, reaches = [shape], [box]
    for stage in stages:
        reach = stage.window.reach(reaches[-1], shapes[-1])
        if reach.empty:
            break
        shapes.append(stage.window.shape(shapes[-1]))
        reaches.append(reach)
    needs = [reaches[-1]]
    for stage, size, reach in reversed(list(zip(stages, shapes[:-1], reaches[:-1], strict=False))):
        needs.insert(0, stage.window.need(needs[0], size).joined(reach))
    return [Layer(*layer) for layer in zip(shapes, reaches, needs, strict=True)]


def _encode(model: Lpips, pixels: np.ndarray, layers: list[Layer]) -> list[Tensor]:
    """Return what is needed of each layer of the truth, from the pixels that are needed."""
    found = [model.standardised(to_tensor(pixels))]
    # The layers may end before the stages do.
    for stage, (below, layer) in zip(model.stages(), pairwise(layers), strict=False):
        found.append(stage.run(_cut(found[-1], below.need, stage.window, layer.need)))
    return found


def _distance(model: Lpips, truth: _Truth, filled: np.ndarray) -> float:
    x = model.standardised(to_tensor(filled[truth.layers[0].reach.slices]))
    total = 0.0
    steps = zip(model.stages(), pairwise(truth.layers), pairwise(truth.activations), strict=False)
    for stage, (below, layer), (same_below, same) in steps:
        # What the truth has, overwritten where the fill differs from it.
        frame = stage.window.frame(layer.reach)
        patched = _cut(same_below, below.need, stage.window, layer.reach)
        both = below.reach.common(frame)
        patched[_index(both, frame)] = x[_index(both, below.reach)]
        x = stage.run(patched)
        if stage.head is not None:
            inner = weighted(same[_index(layer.reach, layer.need)], x, stage.head)
            total += float(inner.sum(dtype=torch.float64)) / (layer.shape[0] * layer.shape[1])
    return total


def _cut(x: Tensor, at: Spans, window: Window, outputs: Spans) -> Tensor:
    """Copy what the outputs see from ``x``, which holds the box ``at``; zeros past the border."""
    frame = window.frame(outputs)
    rows, cols = frame.within(at)
    h, w = x.shape[2:]
    return functional.pad(x, (-cols[0], cols[1] - w, -rows[0], rows[1] - h))


def _index(box: Spans, outer: Spans) -> tuple[slice, ...]:
    return slice(None), slice(None), *box.within(outer).slices
