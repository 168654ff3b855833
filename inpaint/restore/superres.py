"""Super-resolution: A averages squares of ``scale`` by ``scale`` pixels.

The prior's image G need not agree with y. The difference is enlarged by bicubic interpolation B
and added (one step of iterative back-projection, Irani and Peleg 1991):

    x = G + B(r / (r + sigma²) (y - A G))

Without noise that is x = B(y) + (G - B(A G)): bicubic enlargement, plus the detail that the prior
adds.

What the prior leaves out is smooth over a few pixels, so averaging reduces it little. Its energy
therefore counts as 1, and not as the 1 / scale² of white noise.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from inpaint.restore.task import LUMA_ENERGY, Task, as_it_is, blended_only, luma


def task(*, scale: int, grey: bool) -> Task:
    """Return the task for a colour or a grey picture."""

    def operator(x: Tensor) -> Tensor:
        return avg_pool2d(luma(x) if grey else x, scale)

    def guess(y: Tensor) -> Tensor:
        return _enlarged(y, scale).clamp(0, 1).expand(-1, 3, -1, -1)

    return Task(
        scale=scale,
        channels=1 if grey else 3,
        operator=operator,
        energy=LUMA_ENERGY if grey else 1.0,
        guess=guess,
        assemble=partial(_assemble, scale=scale, grey=grey),
        observe=as_it_is,
        finish=blended_only,
        predicts=True,
    )


def _enlarged(y: Tensor, scale: int) -> Tensor:
    return interpolate(y, scale_factor=scale, mode="bicubic", align_corners=False)


def _assemble(y: Tensor, x: Tensor, gain: Tensor, *, scale: int, grey: bool) -> Tensor:
    large = luma(x) if grey else x
    return large + _enlarged(gain * (y - avg_pool2d(large, scale)), scale)
