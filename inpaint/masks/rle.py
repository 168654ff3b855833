"""Run lengths of masks as COCO files hold them: a list of counts, or a string of them.

Counts are the lengths of the runs of 0 and 1 in turn, down the columns, the first one of 0. In the
string each count is a signed number, from the fourth on its difference to the count two before
(neighbouring columns are alike), cut into groups of five bits, the lowest first. A group is one
character with the code 48 + bits, + 32 when more follow; the highest bit of the last one is the
sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inpaint.errors import MaskError

_FIRST_CODE = 48
_BITS, _SIGN, _MORE = 5, 16, 32
_LONGEST = 60  # bits of a count; a longer one is no count of pixels


def decode(counts: str | Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """Return the mask of a run-length code.

    Parameters
    ----------
    counts : str or sequence of int
        The compressed or the plain form.
    shape : (H, W)
        The mask's; COCO calls it ``size``.

    Returns
    -------
    ndarray (H, W) of bool

    Raises
    ------
    MaskError
        If the code is damaged, or does not cover exactly H * W pixels.
    """
    height, width = shape
    runs = _numbers(counts) if isinstance(counts, str) else list(counts)
    if not all(type(run) is int and run >= 0 for run in runs):
        raise MaskError("the run lengths are not all whole numbers from 0 on; export them again")
    if sum(runs) != height * width:
        raise MaskError(
            f"the run lengths cover {sum(runs)} pixels, expected {width}x{height} (width x "
            f"height), {height * width} in all; the file is damaged, export it again"
        )
    ones = np.arange(len(runs)) % 2 == 1
    columns = np.repeat(ones, np.array(runs, np.int64)).reshape(width, height)
    return np.ascontiguousarray(columns.T)


def encode(mask: np.ndarray) -> str:
    """Return the string form of a mask (H, W) of bool; ``decode`` gives the mask back."""
    pixels = mask.T.ravel()
    starts = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff([0, *starts.tolist(), pixels.size]).tolist()
    if pixels[0]:
        runs = [0, *runs]
    codes = bytearray()
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group, value = value & (_MORE - 1), value >> _BITS
            # Done when all that is left repeats the sign bit of this group.
            more = value != (-1 if group & _SIGN else 0)
            codes.append(_FIRST_CODE + group + (_MORE if more else 0))
    return codes.decode("ascii")


def _numbers(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for code in map(ord, text):
        group = code - _FIRST_CODE
        if not 0 <= group < 2 * _MORE or shift > _LONGEST:
            raise MaskError("the run-length string is damaged; export the annotations again")
        value |= (group & (_MORE - 1)) << shift
        shift += _BITS
        if not group & _MORE:
            if group & _SIGN:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    if shift:
        raise MaskError("the run-length string is cut short; export the annotations again")
    return runs
