"""Denoising: A is the identity, or the luma where the picture is grey.

The prior's image G explains the picture but for a rest of variance r, so Wiener's answer is

    x = G + r / (r + sigma²) (y - G)

With a Gaussian prior this is the exact mean of x given y. Photos are cut into small patches, each
with its own scale (``posterior``, ``patches``).
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from inpaint.restore.task import LUMA_ENERGY, Task, as_it_is, blended_only, luma


def task(*, scale: int, grey: bool) -> Task:
    """Return the task for a colour or a grey picture; ``scale`` is not used."""
    return Task(
        scale=1,
        channels=1 if grey else 3,
        operator=luma if grey else _identity,
        energy=LUMA_ENERGY if grey else 1.0,
        guess=_guess,
        assemble=partial(_assemble, grey=grey),
        observe=as_it_is,
        finish=blended_only,
        local=True,
        blind=True,
    )


def _identity(x: Tensor) -> Tensor:
    return x


def _guess(y: Tensor) -> Tensor:
    return y.expand(-1, 3, -1, -1)


def _assemble(y: Tensor, x: Tensor, gain: Tensor, *, grey: bool) -> Tensor:
    seen = luma(x) if grey else x
    return seen + gain * (y - seen)
