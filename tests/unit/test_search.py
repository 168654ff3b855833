"""The latent search: what it keeps, what it refuses, and what its result depends on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint import images
from inpaint.errors import SearchError, UnknownNameError
from inpaint.pipeline import complete
from inpaint.priors import Prior
from inpaint.search import REFERENCE, Found, search
from inpaint.zoo import registry

KINDS = registry.kinds()


@pytest.fixture(params=KINDS)
def prior(request: pytest.FixtureRequest, tiny: Callable[..., Prior]) -> Prior:
    return tiny(request.param)


def scene(prior: Prior, count: int = 1) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        image = prior.generate(prior.sample_z(count, torch.Generator().manual_seed(99)))
    mask = torch.zeros(count, prior.size, prior.size, dtype=torch.bool)
    mask[:, 4:10, 5:12] = True
    return image, mask


def one_line(error: pytest.ExceptionInfo[SearchError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


class Recorder:
    """A callback that keeps every iterate's loss."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.losses: list[Tensor] = []
        self.terms: dict[str, Tensor] = {}

    def __call__(self, step: int, terms: dict[str, Tensor]) -> None:
        self.steps.append(step)
        self.losses.append(terms["loss"].clone())
        self.terms = terms


def test_the_best_iterate_is_kept_not_the_last(prior: Prior) -> None:
    seen = Recorder()
    image, mask = scene(prior)
    options: dict[str, Any] = {"restarts": 3, "steps": 25, "lr": 3.0, "anneal": False, "lam": 0.1}
    found = search(prior, image, mask, seeds=[0], start="sample", callback=seen, **options)
    losses = torch.stack(seen.losses)  # (steps + 1, 1, 3)
    assert (losses[-1] > losses.amin(0)).any(), "a step size this large should overshoot"
    torch.testing.assert_close(found.loss, losses.amin(0).sort(dim=1).values)


def test_the_callback_sees_every_iterate(prior: Prior) -> None:
    seen = Recorder()
    image, mask = scene(prior, 2)
    search(prior, image, mask, seeds=[0, 1], restarts=3, steps=4, callback=seen)
    assert seen.steps == [0, 1, 2, 3, 4]
    assert seen.terms["x"].shape == (2, 3, 3, prior.size, prior.size)
    for name in ("loss", "contextual", "perceptual"):
        assert seen.terms[name].shape == (2, 3)
        assert not seen.terms[name].requires_grad


def test_restarts_are_sorted_and_belong_together(prior: Prior) -> None:
    image, mask = scene(prior, 2)
    found = search(prior, image, mask, seeds=[0, 1], restarts=5, steps=3, lam=0.01, start="sample")
    assert found.z.shape == (2, 5, prior.latent)
    assert found.x.shape == (2, 5, 3, prior.size, prior.size)
    assert (found.loss.diff(dim=1) >= 0).all()
    again = prior.generate(found.z.flatten(0, 1)).unflatten(0, (2, 5))
    torch.testing.assert_close(found.x, again)
    torch.testing.assert_close(found.loss, found.contextual + 0.01 * found.perceptual)


def test_zero_steps_return_the_starts(prior: Prior) -> None:
    image, mask = scene(prior)
    start = prior.sample_z(4, torch.Generator().manual_seed(1))[None]
    found = search(prior, image, mask, seeds=[0], restarts=4, steps=0, start=start)
    rows = {tuple(row) for row in start[0].tolist()}
    assert {tuple(row) for row in found.z[0].tolist()} == rows


def test_starts_and_inputs_are_left_untouched(prior: Prior) -> None:
    image, mask = scene(prior)
    start = prior.sample_z(2, torch.Generator().manual_seed(1))[None]
    before = [t.clone() for t in (image, mask, start)]
    search(prior, image, mask, seeds=[0], restarts=2, steps=3, start=start)
    assert all(torch.equal(a, b) for a, b in zip((image, mask, start), before, strict=True))
    assert not start.requires_grad


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 0.1), ("momentum", 1.0), ("lbfgs", 0.1)])
def test_every_optimizer_descends(prior: Prior, optimizer: Any, lr: float) -> None:
    image, mask = scene(prior)
    seen = Recorder()
    options: dict[str, Any] = {"restarts": 2, "steps": 40, "lam": 1e-5, "start": "sample"}
    found = search(
        prior, image, mask, seeds=[0], optimizer=optimizer, lr=lr, callback=seen, **options
    )
    assert (found.loss < seen.losses[0].min() / 2).all()


def test_momentum_matters(prior: Prior) -> None:
    image, mask = scene(prior)
    options: dict[str, Any] = {
        "restarts": 1,
        "steps": 5,
        "optimizer": "momentum",
        "start": "sample",
    }
    found = [search(prior, image, mask, seeds=[0], momentum=m, **options) for m in (0.0, 0.9)]
    assert not torch.equal(found[0].z, found[1].z)


def test_annealing_lets_the_last_steps_shrink(prior: Prior) -> None:
    image, mask = scene(prior)
    iterates: list[Tensor] = []

    def keep(step: int, terms: dict[str, Tensor]) -> None:
        iterates.append(terms["x"].clone())

    search(
        prior, image, mask, seeds=[0], restarts=1, steps=20, start="sample", lr=0.05, callback=keep
    )
    moves = [float((b - a).abs().mean()) for a, b in pairwise(iterates)]
    assert moves[-1] < 0.2 * moves[0]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_latents_stay_constrained(tiny: Callable[..., Prior], optimizer: Any) -> None:
    prior = tiny("dcgan")
    image, mask = scene(prior)
    options: dict[str, Any] = {"restarts": 4, "steps": 10, "lr": 1.0, "start": "sample"}
    found = search(prior, image, mask, seeds=[0], optimizer=optimizer, **options)
    moved = found.z[0] - prior.constrain_z(found.z[0])
    assert moved.abs().max() < 1e-5


def test_the_reference_settings_are_options_of_the_search(prior: Prior) -> None:
    assert set(REFERENCE) <= set(inspect.signature(search).parameters)
    image, mask = scene(prior)
    found = search(prior, image, mask, seeds=[0], **{**REFERENCE, "steps": 3})
    assert found.loss.shape == (1, 1)


def test_restarts_differ(prior: Prior) -> None:
    image, mask = scene(prior)
    found = search(prior, image, mask, seeds=[0], restarts=3, steps=3, start="sample")
    hole = found.x[0][:, :, mask[0]]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (hole[a] - hole[b]).abs().mean() > 1e-3


# What the loss sees


def test_without_lambda_the_judge_is_not_asked(tiny: Callable[..., Prior]) -> None:
    prior = tiny("dcgan")

    def never(z: Tensor, x: Tensor) -> Tensor:
        raise AssertionError

    prior.perceptual_loss = never  # type: ignore[method-assign]
    image, mask = scene(prior)
    found = search(prior, image, mask, seeds=[0], restarts=2, steps=3, lam=0.0)
    assert (found.perceptual == 0).all()
    assert torch.equal(found.loss, found.contextual)


def test_an_operator_is_what_the_loss_sees(prior: Prior) -> None:
    truth, _ = scene(prior, 2)

    def shrink(x: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(x, 4)

    y = shrink(truth)
    unknown = torch.zeros(2, *y.shape[2:], dtype=torch.bool)
    options: dict[str, Any] = {"seeds": [0, 1], "restarts": 2, "window": 1, "base": 1.0}
    found = search(prior, y, unknown, operator=shrink, steps=60, lr=0.1, lam=1e-5, **options)
    start = search(prior, y, unknown, operator=shrink, steps=0, lam=1e-5, **options)
    assert found.x.shape == (2, 2, 3, prior.size, prior.size)
    assert (found.contextual[:, 0] < start.contextual[:, 0] / 2).all()
    expected = (shrink(found.x[:, 0]) - y).abs().sum(1).mean((1, 2))
    torch.testing.assert_close(found.contextual[:, 0], expected)


def test_the_identity_is_the_default_operator(prior: Prior) -> None:
    image, mask = scene(prior)
    options: dict[str, Any] = {"seeds": [0], "restarts": 2, "steps": 3}
    plain = search(prior, image, mask, **options)
    same = search(prior, image, mask, operator=lambda x: x, **options)
    assert torch.equal(plain.x, same.x)


def test_a_guess_is_encoded_with_nothing_hidden(tiny: Callable[..., Prior]) -> None:
    prior = tiny("vae")
    image, mask = scene(prior)
    guess = torch.where(mask[:, None], torch.full_like(image, 0.1), image)
    found = search(prior, image, mask, seeds=[0], restarts=1, steps=0, guess=guess)
    mu, _ = prior.encode(guess)  # type: ignore[attr-defined]
    torch.testing.assert_close(found.z[:, 0], mu)


def test_wrong_guesses_and_operators_are_one_line(prior: Prior) -> None:
    image, mask = scene(prior)
    with pytest.raises(SearchError, match="guess is") as error:
        search(prior, image, mask, seeds=[0], guess=image[..., 1:])
    one_line(error)
    with pytest.raises(SearchError, match="the operator gives") as error:
        search(prior, image, mask, seeds=[0], operator=lambda x: x[..., ::2])
    one_line(error)


# What a result depends on


def test_results_follow_the_seed_alone(prior: Prior) -> None:
    image, mask = scene(prior)

    def run(seed: int) -> Found:
        return search(prior, image, mask, seeds=[seed], restarts=2, steps=3, start="sample")

    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = run(5)
    assert torch.equal(torch.get_rng_state(), state), "the global generator was used"
    torch.manual_seed(2)
    assert torch.equal(first.x, run(5).x)
    assert not torch.equal(first.x, run(6).x)


def test_images_of_a_batch_do_not_meet(prior: Prior) -> None:
    """To rounding: bits are promised by the pipeline, which fixes the number of rows."""
    image, mask = scene(prior, 3)
    mask[1] = mask[1].roll(3, 1)
    options: dict[str, Any] = {"restarts": 2, "steps": 5, "start": "sample"}
    together = search(prior, image, mask, seeds=[3, 4, 5], **options)
    for i, seed in enumerate((3, 4, 5)):
        alone = search(prior, image[i : i + 1], mask[i : i + 1], seeds=[seed], **options)
        torch.testing.assert_close(together.x[i], alone.x[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fill_does_not_depend_on_what_was_filled_before(
    kind: str, tiny_folders: dict[str, str]
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3), dtype=np.uint8)
    hole = np.zeros((24, 20), dtype=bool)
    hole[6:15, 5:14] = True
    holes = [hole, np.roll(hole, 3, axis=0), np.roll(hole, 9, axis=1)]

    def run(i: int) -> bytes:
        result = complete(
            images.from_array(pictures[i]),
            holes[i],
            prior=tiny_folders[kind],
            search={"steps": 3},
            seed=i,
        )
        return result.pictures[0].pixels.tobytes()

    assert [run(i) for i in (0, 1, 2)] == [run(i) for i in (2, 1, 0)][::-1]


def test_hole_content_does_not_matter(prior: Prior) -> None:
    image, mask = scene(prior)
    results = [
        search(
            prior,
            torch.where(mask[:, None], torch.tensor(garbage), image),
            mask,
            seeds=[0],
            restarts=2,
            steps=4,
        )
        for garbage in (0.0, 1.0, float("nan"), float("inf"))
    ]
    assert all(torch.equal(results[0].x, other.x) for other in results[1:])


# Failure


def test_nan_in_known_pixels_is_an_error(prior: Prior) -> None:
    image, mask = scene(prior, 2)
    image[1, 0, 3, 3] = float("nan")  # beside the hole
    with pytest.raises(
        SearchError, match=r"no finite loss for image 1 of 2.*known pixels"
    ) as error:
        search(prior, image, mask, seeds=[0, 0], restarts=2, steps=3)
    one_line(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_losses_that_overflow_are_an_error(tiny: Callable[..., Prior], value: float) -> None:
    """A sum of z² beyond float32 is infinite, not a large number."""
    prior = tiny("vae")
    image, mask = scene(prior)
    start = torch.full((1, 2, prior.latent), value)
    with pytest.raises(SearchError, match="no finite loss"):
        search(prior, image, mask, seeds=[0], restarts=2, steps=0, start=start)


def test_minus_infinity_is_no_loss_to_keep(tiny: Callable[..., Prior]) -> None:
    """A judge whose logits overflow would otherwise win by an infinite margin."""
    prior = tiny("dcgan")

    def overflowing(z: Tensor, x: Tensor) -> Tensor:
        return torch.where(torch.arange(len(z)) == 1, -torch.inf, 0.0)

    prior.perceptual_loss = overflowing  # type: ignore[method-assign]
    image, mask = scene(prior)
    found = search(prior, image, mask, seeds=[0], restarts=3, steps=0)
    assert found.loss[0, 0].isfinite()
    assert found.loss[0, 0] > -1e30


def test_one_broken_restart_does_not_spoil_the_others(prior: Prior) -> None:
    image, mask = scene(prior)
    start = prior.sample_z(3, torch.Generator().manual_seed(1))[None]
    broken = start.clone()
    broken[0, 1] = float("nan")
    healthy = search(prior, image, mask, seeds=[0], restarts=3, steps=5, start=start)
    found = search(prior, image, mask, seeds=[0], restarts=3, steps=5, start=broken)
    assert found.loss.isfinite().tolist() == [[True, True, False]]
    assert found.x[0, :2].isfinite().all()
    assert all((healthy.loss[0] - loss).abs().min() < 1e-5 for loss in found.loss[0, :2])


@pytest.mark.parametrize("change", ["image", "no batch", "mask", "mask dtype", "seeds"])
def test_wrong_shapes_are_one_line(prior: Prior, change: str) -> None:
    image, mask = scene(prior)
    seeds = [0]
    if change == "image":
        image = image[..., 1:]
    elif change == "no batch":
        image = image[0]
    elif change == "mask":
        mask = mask[:, 1:]
    elif change == "mask dtype":
        mask = mask.float()
    else:
        seeds = [0, 1]
    with pytest.raises(SearchError, match=r"expect|give one for each image") as error:
        search(prior, image, mask, seeds=seeds, restarts=1, steps=1)
    one_line(error)


@pytest.mark.parametrize("shape", [(1, 3), (2, 4), (1, 2)])
def test_given_starts_of_another_shape_are_an_error(
    tiny: Callable[..., Prior], shape: tuple[int, int]
) -> None:
    prior = tiny("vae")
    image, mask = scene(prior)
    start = torch.zeros(*shape, prior.latent + (shape == (1, 2)))
    with pytest.raises(SearchError, match="start") as error:
        search(prior, image, mask, seeds=[0], restarts=2, steps=1, start=start)
    one_line(error)


@pytest.mark.parametrize(
    "option",
    [
        {"optimizer": "sgd"},
        {"start": "encoder"},
        {"norm": "l3"},
        {"window": 4},
        {"restarts": 0},
        {"steps": -1},
    ],
    ids=str,
)
def test_unknown_settings_are_an_error(tiny: Callable[..., Prior], option: dict[str, Any]) -> None:
    prior = tiny("vae")
    (name,) = option
    image, mask = scene(prior)
    with pytest.raises((SearchError, UnknownNameError), match=name) as error:
        search(prior, image, mask, seeds=[0], **{"restarts": 2, "steps": 1, **option})
    one_line(error)
