"""What a method of an evaluation is: a label and a function that fills holes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from inpaint.errors import UnknownNameError

# (erased (H, W, 3) uint8 RGB, mask (H, W) bool, seed, case) -> filled like erased
Fill = Callable[[np.ndarray, np.ndarray, int, str], np.ndarray]


class MethodError(UnknownNameError):
    """A method was asked for with an option or a value that it does not have."""

    def __init__(self, text: str, problem: str, known: Iterable[str] = ()) -> None:
        Exception.__init__(self, f"method {text!r}: {problem}")
        self.kind, self.name, self.known = "option", text, sorted(known)


@dataclass(frozen=True)
class Method:
    """A way to fill holes.

    Attributes
    ----------
    label : str
        What the user wrote, without spaces, as every table shows it.
    fill : callable
        ``fill(erased, mask, seed, case)``: (H, W, 3) uint8 RGB with the hole at 0, (H, W) bool,
        int, and "MASK/NAME" of the image (only ``folder`` looks at it).
    fingerprint : str
        Changes when the weights change, so that rows of older weights are not reused.
    prepare : callable
        Loads weights, so that the seconds of the first image do not include it.
    trusted : bool
        False for another program's files: changed known pixels are pasted over and noted, where
        for our own methods they are an error.
    check_masks : callable
        Raises an error when the method has no results for these mask names.
    """

    label: str
    fill: Fill
    fingerprint: str = ""
    prepare: Callable[[], object] = lambda: None
    trusted: bool = True
    check_masks: Callable[[list[str]], None] = field(default=lambda names: None)

    def __call__(
        self, erased: np.ndarray, mask: np.ndarray, seed: int = 0, *, case: str = ""
    ) -> np.ndarray:
        """Fill one image; see ``fill``."""
        return self.fill(erased, mask, seed, case)
