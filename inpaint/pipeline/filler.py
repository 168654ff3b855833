"""Fill one crop: search the prior, ask whether a classical method does better, refine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint.errors import SearchError
from inpaint.images.resize import enlarge, shrink
from inpaint.pipeline import router
from inpaint.pipeline.router import Route
from inpaint.priors import Prior
from inpaint.search import Callback, Found, search
from inpaint.stages.chain import Stage
from inpaint.stages.patch import Patch
from inpaint.stages.poisson import blend

# Share of the family's Gaussian in the mean of another prior's restarts, in the mode ``psnr``. Two
# models err in different places: 0.3 VAE + 0.7 Gaussian has a higher PSNR than either.
GAUSSIAN_SHARE = 0.7


@dataclass(frozen=True)
class Filler:
    """Fills crops, one alone at a time: the same rows in every kernel, so the same bytes.

    Attributes
    ----------
    prior : Prior
        To be searched.
    steady : Prior or None
        The Gaussian of the same family: its fill, encoded, is a better start than the masked
        image, and takes part in the mean of the mode ``psnr``.
    options : dict
        Keywords of ``search.search``; at least ``candidates`` restarts.
    stages : sequence of callable
        What follows the search, see ``chain.build``.
    mode : {"sharp", "psnr"}
        Whether the first fill is the most likely restart or the mean of all.
    candidates : int
        Fills to return.
    routed : bool
        Let the router choose between the prior and classical methods.
    device : torch.device
        Where the priors are.
    """

    prior: Prior
    steady: Prior | None
    options: dict[str, Any]
    stages: Sequence[Stage]
    mode: str
    candidates: int
    routed: bool
    device: torch.device

    def __call__(
        self, image: np.ndarray, mask: np.ndarray, *, seed: int, callback: Callback | None = None
    ) -> tuple[list[np.ndarray], Found, Route]:
        """Fill one crop.

        Parameters
        ----------
        image : ndarray (h, w, 3), float in [0, 1]
            Its values inside the hole are not read.
        mask : ndarray (h, w) of bool
            True = hole.
        seed : int
            Of all that is random.
        callback : callable, optional
            See ``search.search``.

        Returns
        -------
        list of ndarray (h, w, 3)
            The fills, best first, in [0, 1].
        Found
            What the search found.
        Route
            Who filled, and why.

        Raises
        ------
        SearchError
            Fewer restarts than ``candidates`` have a finite loss, or an option cannot be.
        """
        options, other = self.options, None
        if self.steady:
            other = self._search(self.steady, image, mask, seed, self.steady.search_defaults)
            options = {**options, "guess": other.x[:, 0]}
        found = self._search(self.prior, image, mask, seed, options, callback)
        way = self._route(image, mask, seed, options)
        guides = mixed(found, other) if self.mode == "psnr" else sound(found)[0]
        if len(guides) < self.candidates:
            raise SearchError(
                f"only {len(guides)} of {self.candidates} candidates have a finite loss; "
                "ask for fewer"
            )
        if way.method == "prior":
            whole = [enlarge(_array(x), image.shape[:2]) for x in guides[: self.candidates]]
        else:  # routed, which is done for one candidate only
            whole = [router.classical(way.method, image, mask)]
        return [self._refine(image, mask, guide, seed) for guide in whole], found, way

    def _search(
        self,
        prior: Prior,
        image: np.ndarray,
        mask: np.ndarray,
        seed: int,
        options: dict[str, Any],
        callback: Callback | None = None,
    ) -> Found:
        small, hole = shrink(image, mask, prior.size)
        x = torch.from_numpy(small).permute(2, 0, 1)[None].to(self.device)
        m = torch.from_numpy(hole)[None].to(self.device)
        return search(prior, x, m, seeds=[seed], callback=callback, **options)

    def _route(
        self, image: np.ndarray, mask: np.ndarray, seed: int, options: dict[str, Any]
    ) -> Route:
        if not self.routed:
            return Route("prior", why="asked for")

        def quick(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
            """What the prior and a blend make of the crop: its entry in the contest."""
            found = self._search(self.prior, image, mask, seed, options)
            return blend(image, enlarge(_array(found.x[0, 0]), image.shape[:2]), mask)

        return router.route(image, mask, quick, size=self.prior.size, seed=seed)

    def _refine(
        self, image: np.ndarray, mask: np.ndarray, guide: np.ndarray, seed: int
    ) -> np.ndarray:
        patch = Patch(image, mask, np.where(mask[..., None], guide, image), guide, seed)
        for stage in self.stages:
            patch = stage(patch)
        return patch.filled


def sound(found: Found) -> tuple[Tensor, Tensor]:
    """The restarts of the one image that have a finite loss: x (r, 3, S, S) and loss (r,)."""
    finite = found.loss[0].isfinite()
    return found.x[0, finite], found.loss[0, finite]


def mixed(found: Found, other: Found | None) -> Tensor:
    """The mean of the restarts, then each of them, (1 + r, 3, S, S).

    The weights exp(-loss / T) take T as the loss's own spread, so that their meaning does not
    depend on the scale of the loss. ``other`` is what the family's Gaussian found, to be mixed
    into the mean.
    """
    x, loss = sound(found)
    spread = loss.std(correction=0).clamp_min(1e-12)
    weights = torch.softmax(-(loss - loss[0]) / spread, 0)
    mean = torch.einsum("r,rchw->chw", weights, x)
    if other is not None:
        mean = torch.lerp(mean, other.x[0, 0], GAUSSIAN_SHARE)
    return torch.cat([mean[None], x])


def _array(x: Tensor) -> np.ndarray:
    """An image (3, S, S) as an array (S, S, 3)."""
    array: np.ndarray = x.permute(1, 2, 0).cpu().numpy()
    return array
