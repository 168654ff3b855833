"""Fills one crop: asks the router who fills it best, searches if that is the prior, and refines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint.devices import one_thread
from inpaint.errors import SearchError
from inpaint.images.resize import enlarge, shrink
from inpaint.pipeline import router
from inpaint.pipeline.groups import Box
from inpaint.pipeline.prior import Known
from inpaint.pipeline.report import Report
from inpaint.pipeline.router import Route
from inpaint.priors import Prior
from inpaint.search import Callback, Found, search, starts
from inpaint.search.starts import Start
from inpaint.stages import Stage, chain
from inpaint.stages.patch import Patch
from inpaint.stages.poisson import blend

# Share of the family's Gaussian in the mean of another prior's restarts, in the mode ``psnr``. The
# errors of two models differ, so that 0.3 VAE + 0.7 Gaussian has a higher PSNR than either.
GAUSSIAN_SHARE = 0.7
# Makes the seed of the second search, so that its samples differ from those of the first.
# It stays within 32 bits, because torch's generator of the CPU reads no more of a seed.
FURTHER = 0x5851F42D


@dataclass(frozen=True)
class Filled:
    """The fills of one crop and how they came about.

    Attributes
    ----------
    fills : list of ndarray (h, w, 3)
        Best first, in [0, 1].
    ran : tuple of str
        The stages that changed the first fill.
    found : Found or None
        What the search found; None where nothing was searched.
    way : Route
        Which method made the first fill, and why.
    """

    fills: list[np.ndarray]
    ran: tuple[str, ...]
    found: Found | None
    way: Route

    def report(self, box: Box, known: Known) -> Report:
        """Return a report in plain values; it has losses if the prior made the first fill."""
        by_prior = self.found if self.way.method == "prior" else None
        why = self.way.why
        if self.way.method != "prior" and (further := len(self.fills) - 1):
            why += f"; the prior made the {further} further candidate{'s' * (further > 1)}"
        return Report(
            (box.y0, box.x0, box.y1, box.x1),
            known.name,
            loss=float(by_prior.loss[0, 0]) if by_prior else None,
            contextual=float(by_prior.contextual[0, 0]) if by_prior else None,
            perceptual=float(by_prior.perceptual[0, 0]) if by_prior else None,
            evidence=known.evidence,
            method=self.way.method,
            hidden_errors=self.way.errors,
            why=why,
            stages=self.ran,
        )


@dataclass(frozen=True)
class Filler:
    """Fills one crop at a time, so that each kernel gets the same rows and gives the same bytes.

    Attributes
    ----------
    prior : Prior
        The prior to search.
    steady : Prior or None
        The Gaussian of the same family. Its fill is encoded as a start, which is better than the
        masked image, and is part of the mean in the mode ``psnr``.
    options : dict
        Keywords of ``search.search``, among them ``restarts`` and ``steps``.
    stages : sequence of (str, callable)
        What follows the search, by name.
    mode : {"sharp", "psnr"}
        Whether the prior's first fill is the most likely restart or the mean of all.
    candidates : int
        Fills to return.
    routed : bool
        Whether the router chooses between the prior and classical methods.
    aligned : bool
        Whether the prior knows whole pictures that are framed as this one.
    device : torch.device
        Where the priors are.
    sketch : Filler or None
        Draws the picture from which the search starts, where nothing else does.
    detailed_stages : sequence of (str, callable)
        What follows in a crop of at most ``detailed`` pixels a side of which at least
        ``detailed_share`` is hole: a network draws the detail there, and no texture is copied.
    detailed, detailed_share
        See ``detailed_stages``.
    """

    prior: Prior
    steady: Prior | None
    options: dict[str, Any]
    stages: Sequence[tuple[str, Stage]]
    mode: str
    candidates: int
    routed: bool
    device: torch.device
    detailed_stages: Sequence[tuple[str, Stage]] = ()
    detailed: int = 0
    detailed_share: float = 0.0
    sketch: Filler | None = None
    aligned: bool = False

    @property
    def steps(self) -> int:
        """Number of steps that the callback counts for a crop, a second search included."""
        steps: int = self.options["steps"]
        return 2 * steps + 1 if self.candidates > self._at_hand else steps

    @property
    def _at_hand(self) -> int:
        """Number of different fills that one search gives."""
        restarts: int = self.options["restarts"]
        mean = self.mode == "psnr" and (restarts > 1 or self.steady is not None)
        return restarts + mean

    def __call__(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        *,
        seed: int,
        hole: np.ndarray | None = None,
        callback: Callback | None = None,
        on_fill: Callable[[int, np.ndarray], None] | None = None,
        first: int = 0,
        alone: bool = False,
    ) -> Filled:
        """Fill one crop.

        Parameters
        ----------
        image : ndarray (h, w, 3), float in [0, 1]
            Its values inside the hole are not read.
        mask : ndarray (h, w) of bool
            True = unknown, which is not read.
        seed : int
            Seed of everything that is random.
        hole : ndarray (h, w) of bool, optional
            The unknown pixels that matter, where others are transparent; all by default. The
            router compares methods by their shape.
        callback : callable, optional
            See ``search.search``.
        on_fill : callable, optional
            Told each fill (h, w, 3) with its index, from 0, as soon as it is refined.
        first : int
            Leave out the candidates before this one: they are neither refined nor returned.
        alone : bool
            Leave out those after it too.

        Returns
        -------
        Filled
            The first fill does not depend on the number of candidates.

        Raises
        ------
        SearchError
            Fewer restarts than ``candidates`` have a finite loss, or an option cannot be.
        """
        guides, found = [], None
        # Even without steps: the sums of the closed form round differently with more threads.
        with one_thread(self.device):
            way = self._route(image, mask, hole, seed)
            if way.method != "prior":
                guides.append(router.classical(way.method, image, mask))
            if lacking := self.candidates - len(guides):
                pictures, found = self._imagined(image, mask, seed, lacking, callback)
                guides += [enlarge(_array(x), mask.shape) for x in pictures]
        made = []
        for index, guide in enumerate(guides[first : first + 1] if alone else guides[first:]):
            made.append(self._refined(Patch(image, mask, image, guide, seed)))
            if on_fill:
                on_fill(index, made[-1][0])
        return Filled([filled for filled, _ in made], made[0][1], found, way)

    def _route(
        self, image: np.ndarray, mask: np.ndarray, hole: np.ndarray | None, seed: int
    ) -> Route:
        if not self.routed:
            return Route("prior", why="asked for")

        def quick(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
            """Return the crop as the prior and a blend fill it, for the router's comparison."""
            found, _, _ = self._search(*self._view(image, mask), seed)
            return blend(image, enlarge(_array(found.x[0, 0]), mask.shape), mask)

        return router.route(
            image,
            mask,
            quick,
            size=self.prior.size,
            seed=seed,
            hole=hole,
            aligned=self.aligned,
        )

    def _view(self, image: np.ndarray, mask: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return a crop as the priors see it: x (1, 3, S, S) in [0, 1] and its hole (1, S, S)."""
        small, hole = shrink(image, mask, self.prior.size)
        x = torch.from_numpy(small).permute(2, 0, 1)[None]
        return x.to(self.device), torch.from_numpy(hole)[None].to(self.device)

    def _search(
        self, x: Tensor, hole: Tensor, seed: int, callback: Callback | None = None
    ) -> tuple[Found, Found | None, dict[str, Any]]:
        """Return what the prior and the family's Gaussian found, and the prior's search options."""
        options, other = self.options, None
        if self.steady:
            other = search(self.steady, x, hole, seeds=[seed], **self.steady.search_defaults)
            options = {**options, "guess": other.x[:, 0]}
        elif self.sketch:
            drawn = self.sketch(_array(x[0]), hole[0].cpu().numpy(), seed=seed).fills[0]
            guess = torch.from_numpy(drawn).permute(2, 0, 1)[None].to(self.device)
            options = {**options, "guess": guess}
        found = search(self.prior, x, hole, seeds=[seed], callback=callback, **options)
        return found, other, options

    def _imagined(
        self, image: np.ndarray, mask: np.ndarray, seed: int, count: int, callback: Callback | None
    ) -> tuple[Tensor, Found]:
        """Return ``count`` pictures (count, 3, S, S) of the prior, and what its search found."""
        x, hole = self._view(image, mask)
        found, other, options = self._search(x, hole, seed, callback)
        pictures, losses = sound(found)
        if self.mode == "psnr":
            first = mixed(found, other)[0]
            if len(pictures) == 1 and other is None:  # the mean of one restart is that restart
                pictures, losses = pictures[1:], losses[1:]
        else:
            first, pictures, losses = pictures[0], pictures[1:], losses[1:]
        if count > self._at_hand:
            more = self._further(x, hole, seed, count - self._at_hand, options, callback)
            pictures, losses = (torch.cat(p) for p in zip((pictures, losses), more, strict=True))
            pictures = pictures[losses.argsort(stable=True)]
        if 1 + len(pictures) < count:
            raise SearchError(
                f"only {1 + len(pictures)} of {count} candidates have a finite loss; ask for fewer"
            )
        return torch.cat([first[None], pictures[: count - 1]]), found

    def _further(
        self,
        x: Tensor,
        hole: Tensor,
        seed: int,
        count: int,
        options: dict[str, Any],
        callback: Callback | None,
    ) -> tuple[Tensor, Tensor]:
        """Return pictures and losses of a second search, from ``count`` other starts.

        It is a search of its own because with more rows in the first one, kernels would round
        differently, and the first fill would depend on the number of candidates.
        """
        own: Start | Tensor = options.get("start", "prior")
        z = starts.draw(
            self.prior,
            x,
            hole,
            seeds=[seed ^ FURTHER],
            # The first and last of a prior's own starts may be its best guess and its mode, which
            # the first search had already.
            count=count + 2,
            start="prior" if isinstance(own, Tensor) else own,
            guess=options.get("guess"),
        )[:, 1:-1]
        tell, steps = None, self.options["steps"]
        if callback:

            def tell(step: int, terms: dict[str, Tensor]) -> None:
                callback(steps + 1 + step, terms)

        changed = {**options, "restarts": count, "start": z}
        return sound(search(self.prior, x, hole, seeds=[seed], callback=tell, **changed))

    def _stages_of(self, mask: np.ndarray) -> Sequence[tuple[str, Stage]]:
        detailed = max(mask.shape) <= self.detailed and mask.mean() >= self.detailed_share
        return self.detailed_stages if detailed else self.stages

    def _refined(self, patch: Patch) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the fill after all stages, and the names of the stages that changed it."""
        patch, ran = patch.with_filled(patch.guide), []
        for name, stage in self._stages_of(patch.mask):
            after = chain.run(name, stage, patch)
            if after is not patch:
                ran.append(name)
            patch = after
        return patch.filled, tuple(ran)


def sound(found: Found) -> tuple[Tensor, Tensor]:
    """Return the restarts that have a finite loss: x (r, 3, S, S) and loss (r,)."""
    finite = found.loss[0].isfinite()
    return found.x[0, finite], found.loss[0, finite]


def mixed(found: Found, other: Found | None) -> Tensor:
    """Return the mean of the restarts and then each of them, (1 + r, 3, S, S).

    The weights of the mean are exp(-loss / T) with the spread of the loss as T, so that they do not
    depend on the scale of the loss. ``other`` is what the family's Gaussian found, which is mixed
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
    """Return an image (3, S, S) as an array (S, S, 3)."""
    array: np.ndarray = x.permute(1, 2, 0).cpu().numpy()
    return array
