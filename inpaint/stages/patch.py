"""The frozen value that stages pass on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Patch:
    """One crop on its way through the stages.

    All arrays share height H and width W, RGB channel order, float32 in [0, 1]. A stage returns
    a copy in which only ``filled`` may differ, and there only inside the hole.

    Attributes
    ----------
    image : ndarray (H, W, 3)
        The known image; inside the hole its values mean nothing and must not be used.
    mask : ndarray (H, W) of bool
        True = hole.
    filled : ndarray (H, W, 3)
        The best completion so far: equal to ``image`` outside the hole.
    guide : ndarray (H, W, 3)
        The prior's own picture of the whole crop, known region included. Its colours may be
        off by a smooth offset; its gradients are what a blend should keep.
    seed : int
        Seed for any randomness in a stage.
    """

    image: np.ndarray
    mask: np.ndarray
    filled: np.ndarray
    guide: np.ndarray
    seed: int = 0

    def with_filled(self, filled: np.ndarray) -> Patch:
        """Return a copy with the hole taken from ``filled`` and the known pixels kept."""
        kept = np.where(self.mask[..., None], filled, self.image).astype(np.float32)
        return replace(self, filled=kept)
