"""What the filling of one crop makes of the restarts of its search."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from inpaint.pipeline import filler
from inpaint.pipeline.filler import Filler, mixed
from inpaint.priors import gaussian, vae
from inpaint.search import Found, search
from inpaint.stages.patch import Patch


def test_the_mean_of_the_restarts_weighs_a_smaller_loss_more() -> None:
    """Losses 1 and 2 have a spread of 1/2, so their weights are as exp(0) to exp(-2)."""
    x = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])[None]
    loss = torch.tensor([[1.0, 2.0]])
    mean, *restarts = mixed(Found(torch.zeros(1, 2, 4), x, loss, loss, 0 * loss), None)
    assert mean.flatten().tolist() == pytest.approx([math.exp(-2) / (1 + math.exp(-2))] * 12)
    assert torch.equal(torch.stack(restarts), x[0])


def test_a_search_starts_from_the_sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sketch is drawn at the prior's size, and is the guess from which the search starts."""
    image = np.random.default_rng(0).random((24, 24, 3), np.float32)
    mask = np.zeros((24, 24), bool)
    mask[8:16, 8:16] = True
    prior, guesses = vae.tiny(), []

    def watching(*args: Any, **options: Any) -> Found:
        guesses.append(options.get("guess"))
        return search(*args, **options)

    def white(patch: Patch) -> Patch:
        return patch.with_filled(np.ones_like(patch.filled))

    monkeypatch.setattr(filler, "search", watching)
    settings = {"steady": None, "mode": "sharp", "candidates": 1, "routed": False}
    settings["device"] = torch.device("cpu")
    sketch = Filler(
        gaussian.tiny(), options={"restarts": 1, "steps": 0}, stages=[("white", white)], **settings
    )
    options = {**prior.search_defaults, "steps": 1}
    Filler(prior, options=options, stages=[], sketch=sketch, **settings)(image, mask, seed=0)
    guess = guesses[-1]
    assert guess.shape == (1, 3, prior.size, prior.size)
    side = prior.size
    assert (guess[0, :, side * 3 // 8 : side * 5 // 8, side // 2] == 1).all()
    assert (guess[0, :, 0, 0] < 1).any()


@pytest.mark.parametrize(
    ("side", "share", "ran"),
    [(24, 0.5, False), (24, 0.1, True), (40, 0.5, True), (24, 0.25, False)],
)
def test_texture_is_left_out_where_a_network_drew_the_detail(
    side: int, share: float, ran: bool
) -> None:
    """Of crops of up to 32 px, and of holes from a quarter of the crop on."""
    image = np.full((side, side, 3), 0.5, np.float32)
    mask = np.zeros((side, side), bool)
    mask[: round(side * share)] = True

    def texture(patch: Patch) -> Patch:
        return patch.with_filled(np.ones_like(patch.filled))

    filled = Filler(
        gaussian.tiny(),
        steady=None,
        options={"restarts": 1, "steps": 0},
        stages=[("texture", texture)],
        mode="sharp",
        candidates=1,
        routed=False,
        device=torch.device("cpu"),
        detailed_stages=[],
        detailed=32,
        detailed_share=0.25,
    )(image, mask, seed=0)
    assert filled.ran == (("texture",) if ran else ())
    assert bool((filled.fills[0][mask] == 1).all()) == ran
