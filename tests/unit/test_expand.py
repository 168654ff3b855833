"""Beyond the generator's range: a better fit within a ball, stopped by pixels held back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from inpaint.errors import SearchError
from inpaint.priors import Prior, vae
from inpaint.search import expand, search
from inpaint.search.descent import Descent
from inpaint.search.expand import Layered
from inpaint.search.holdout import hold_back
from inpaint.search.objective import Objective, objective
from inpaint.search.optimizers import Adam

KINDS = ("dcgan", "vae", "cgan", "vae, spatial")


@pytest.fixture(params=KINDS)
def prior(request: pytest.FixtureRequest, tiny: Callable[..., Prior]) -> Prior:
    return vae.tiny_spatial() if request.param == "vae, spatial" else tiny(request.param)


def scene(prior: Prior, count: int = 1) -> tuple[Tensor, Tensor]:
    """Images that the prior cannot draw: another one's, with noise."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        image = prior.generate(prior.sample_z(count, generator))
    image = (image + 0.1 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
    mask = torch.zeros(count, prior.size, prior.size, dtype=torch.bool)
    mask[:, 4:10, 5:12] = True
    return image, mask


def judge(prior: Prior, image: Tensor, mask: Tensor, hidden: float = 0.0) -> Objective:
    return objective(
        prior,
        image,
        mask,
        seeds=range(len(image)),
        norm="l1",
        window=7,
        base=0.2,
        normalise=True,
        lam=0.0,
        hidden=hidden,
        operator=None,
    )


def test_every_level_cuts_the_generator_in_two(prior: Prior) -> None:
    assert isinstance(prior, Layered)
    z = prior.sample_z(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = prior.generate(z)
        for level in range(1, prior.levels + 1):
            h = prior.features(z, level)
            assert h.ndim == 4
            assert torch.equal(prior.from_features(h, z, level), whole)


@pytest.mark.parametrize("level", [1, 2])
def test_features_fit_better_and_stay_in_their_ball(prior: Prior, level: int) -> None:
    assert isinstance(prior, Layered)
    image, mask = scene(prior, 2)
    z = prior.sample_z(2, torch.Generator().manual_seed(4))
    ours = judge(prior, image, mask)
    with torch.no_grad():
        before = ours(z, prior.generate(z))
    found = expand.features(prior, ours, z, level=level, steps=30, radius=0.1)
    assert (found.terms.loss < 0.985 * before.loss).all()
    lengths = found.v.flatten(1).norm(dim=1) / math.sqrt(found.v[0].numel())
    assert (lengths <= 0.1 + 1e-6).all()
    nothing = expand.features(prior, ours, z, level=level, steps=30, radius=0.0)
    torch.testing.assert_close(nothing.terms.loss, before.loss)


def test_the_expansion_of_a_search_lowers_its_known_error(prior: Prior) -> None:
    image, mask = scene(prior)
    options: dict[str, Any] = {"seeds": [0], "restarts": 2, "steps": 20, "lam": 0.0, "lr": 0.1}
    plain = search(prior, image, mask, **options)
    found = search(prior, image, mask, expand=30, **options)
    tuned = search(prior, image, mask, tune=30, tune_lr=3e-3, **options)
    assert found.loss[0, 0] < 0.99 * plain.loss[0, 0]
    assert tuned.loss[0, 0] < 0.99 * plain.loss[0, 0]


def test_pixels_held_back_stop_an_expansion_that_makes_them_worse(
    tiny: Callable[..., Prior],
) -> None:
    """Where they contradict the others, fitting those cannot help: the best is near the start."""
    prior = tiny("vae")
    assert isinstance(prior, Layered)
    image, mask = scene(prior)
    z = prior.sample_z(1, torch.Generator().manual_seed(4))
    with torch.no_grad():
        x = prior.generate(z)
    held = hold_back(mask, 0.1, seeds=[0])
    contrary = torch.where(held[:, None], x, image)
    seen: list[int] = []
    found = expand.features(
        prior,
        judge(prior, contrary, mask, hidden=0.1),
        z,
        level=1,
        steps=200,
        tell=lambda step, x, terms: seen.append(step),
    )
    assert seen[-1] <= 40
    assert found.terms.hidden[0] == 0
    assert torch.equal(found.x, x)


def test_tuning_stops_there_too_and_leaves_the_prior_alone(tiny: Callable[..., Prior]) -> None:
    prior = tiny("dcgan")
    assert isinstance(prior, Layered)
    image, mask = scene(prior, 2)
    z = prior.sample_z(2, torch.Generator().manual_seed(4))
    before = [p.clone() for p in prior.network().parameters()]
    with torch.no_grad():
        x = prior.generate(z)
    held = hold_back(mask, 0.1, seeds=[0, 1])
    for y, better in ((image, True), (torch.where(held[:, None], x, image), False)):
        ours = judge(prior, y, mask, hidden=0.1)
        start = Descent(
            z, lambda v: (v, prior.generate(v)), ours, rule=Adam(z), constrain=prior.constrain_z
        ).finish()
        found = expand.weights(prior, ours, start, level=1, steps=60, lr=1e-3)
        assert bool((found.score < start.score).all()) is better
        assert torch.equal(found.x, start.x) is not better
    assert all(map(torch.equal, before, prior.network().parameters()))
    assert not any(p.requires_grad for p in prior.network().parameters())


def test_rows_do_not_meet(prior: Prior) -> None:
    image, mask = scene(prior, 2)
    options: dict[str, Any] = {"restarts": 1, "steps": 3, "expand": 5, "tune": 3, "lam": 0.0}
    together = search(prior, image, mask, seeds=[0, 1], **options)
    alone = search(prior, image[1:], mask[1:], seeds=[1], **options)
    torch.testing.assert_close(together.x[1], alone.x[0], rtol=0, atol=1e-3)


def test_what_has_no_layers_says_so(tiny: Callable[..., Prior]) -> None:
    for kind, options, words in (
        ("gaussian", {"expand": 1}, "no layers"),
        ("vae", {"tune": 1, "level": 9}, "levels 1 to"),
        ("dcgan", {"expand": 1, "level": 0}, "levels 1 to"),
    ):
        prior = tiny(kind)
        image, mask = scene(prior)
        with pytest.raises(SearchError, match=words) as error:
            search(prior, image, mask, seeds=[0], **options)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)
