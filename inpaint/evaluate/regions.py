"""Which part of an image a part of a layer sees, and the reverse: interval arithmetic, exact.

A fill and its truth differ in a box. Behind a convolution or a pooling they differ in a larger
box, and everywhere else agree to the last bit, so a comparison need not look there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Span = tuple[int, int]
Shape = tuple[int, int]


class Spans(NamedTuple):
    """Rows and columns of an array, each from the first to one past the last."""

    rows: Span
    cols: Span

    @property
    def empty(self) -> bool:
        """Whether it holds nothing."""
        return self.rows[0] >= self.rows[1] or self.cols[0] >= self.cols[1]

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of a NumPy array (H, W, ...)."""
        return slice(*self.rows), slice(*self.cols)

    def within(self, outer: Spans) -> Spans:
        """Return the same box counted from the first row and column of ``outer``."""
        (top, _), (left, _) = outer
        return Spans(
            (self.rows[0] - top, self.rows[1] - top), (self.cols[0] - left, self.cols[1] - left)
        )

    def joined(self, other: Spans) -> Spans:
        """Return the smallest box around both."""
        return Spans(*((min(a, c), max(b, d)) for (a, b), (c, d) in zip(self, other, strict=True)))

    def common(self, other: Spans) -> Spans:
        """Return what lies in both; may be empty."""
        return Spans(*((max(a, c), min(b, d)) for (a, b), (c, d) in zip(self, other, strict=True)))

    def aligned(self, step: int, shape: Shape) -> Spans:
        """Return the box widened to multiples of ``step``, inside an array of ``shape``."""
        wide = Spans(*((a // step * step, -(-b // step) * step) for a, b in self))
        return wide.common(whole(shape))


class Window(NamedTuple):
    """A convolution or pooling of square windows, zero padding, incomplete windows dropped."""

    kernel: int
    stride: int = 1
    padding: int = 0

    def shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of ``shape``."""
        h, w = ((n + 2 * self.padding - self.kernel) // self.stride + 1 for n in shape)
        return h, w

    def reach(self, box: Spans, shape: Shape) -> Spans:
        """Return the outputs that see anything of the inputs ``box``; may be empty.

        Parameters
        ----------
        box : Spans
            Not empty, inside the input.
        shape : tuple of int
            Of the whole input.
        """
        k, s, p = self
        seen = Spans(*((-((k - 1 - p - a) // s), (b - 1 + p) // s + 1) for a, b in box))
        return seen.common(whole(self.shape(shape)))

    def frame(self, box: Spans) -> Spans:
        """Return the inputs that the outputs ``box`` see, padding included: it may stick out."""
        k, s, p = self
        return Spans(*((a * s - p, (b - 1) * s - p + k) for a, b in box))

    def need(self, box: Spans, shape: Shape) -> Spans:
        """Return the inputs that the outputs ``box`` see, inside an input of ``shape``."""
        return self.frame(box).common(whole(shape))


def whole(shape: Shape) -> Spans:
    """Return the box of a whole array (H, W, ...)."""
    return Spans((0, shape[0]), (0, shape[1]))


def differs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where two RGB images (H, W, 3) differ, as bool (H, W)."""
    # ``any`` over an axis of three takes several times as long.
    red, green, blue = np.moveaxis(a != b, 2, 0)
    found: np.ndarray = red | green | blue
    return found


def changed(a: np.ndarray, b: np.ndarray) -> Spans | None:
    """Return the smallest box around all pixels that differ, or None if none do.

    Parameters
    ----------
    a, b : ndarray (H, W, C)
        Of one shape.
    """
    h, w, depth = a.shape
    # Reducing over long rows takes a tenth of the time of reducing over three channels first.
    differ = (a != b).reshape(h, w * depth)
    rows = _span(differ.any(axis=1))
    if rows is None:
        return None
    cols = _span(differ[slice(*rows)].any(axis=0).reshape(w, depth).any(axis=1))
    return None if cols is None else Spans(rows, cols)


def _span(flags: np.ndarray) -> Span | None:
    found = np.flatnonzero(flags)
    return (int(found[0]), int(found[-1]) + 1) if found.size else None
