"""Images as a training saw them: at the prior's size, and cut at random if it cut them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pretrain.data import Images, square, views

CHUNK = 256


@dataclass(frozen=True)
class Cuts:
    """A fixed random cut of each image, mirrored or not, which is made when it is asked for.

    Attributes
    ----------
    images : Images
        Cached at ``size / min_scale``, so that the smallest cut still has ``size`` pixels.
    size : int
        Side S of the cuts.
    min_scale : float
        As in training; 1 takes whole images.
    """

    images: Images
    size: int
    min_scale: float = 1.0

    def __len__(self) -> int:
        return len(self.images)

    def chunks(self) -> Iterator[np.ndarray]:
        """All cuts in order, uint8 (n, S, S, 3), at most ``CHUNK`` at once."""
        for step in range(-(-len(self) // CHUNK)):
            yield self._chunk(step)

    def take(self, index: np.ndarray) -> np.ndarray:
        """The cuts ``index`` (n,), uint8 (n, S, S, 3): the same as ``chunks`` gives."""
        out = np.empty((len(index), self.size, self.size, 3), np.uint8)
        for step in np.unique(index // CHUNK):
            rows = index // CHUNK == step
            out[rows] = self._chunk(int(step))[index[rows] % CHUNK]
        return out

    def whole(self) -> np.ndarray:
        """The images themselves, neither cut nor mirrored, uint8 (N, S, S, 3)."""
        return np.stack([square(image, self.size) for image in self.images.pixels])

    def _chunk(self, step: int) -> np.ndarray:
        chosen = np.arange(step * CHUNK, min(len(self), (step + 1) * CHUNK))
        x = views(self.images, chosen, self.size, seed=0, step=step, min_scale=self.min_scale)
        pixels: np.ndarray = (x * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return pixels
