"""The public face: what can be passed to a fill, what is refused, and what is told afterwards."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_samples import noise, smooth
from torch import Tensor

import inpaint
from inpaint import Patch, SearchOptions, images
from inpaint.batch import options as batch
from inpaint.batch.run import fill_folder
from inpaint.errors import InpaintError, SearchError, UnknownNameError, WeightsError
from inpaint.pipeline import Result, choose, complete, filler, router
from inpaint.priors import gaussian
from inpaint.stages import chain, refine
from inpaint.zoo import registry, weights

QUICK: dict[str, Any] = {"search": {"steps": 2}, "stages": ("poisson",)}


def hole(shape: tuple[int, int] = (32, 48), depth: int = 12) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[8 : 8 + depth, 5:-5] = True
    return mask


def run(mask: np.ndarray | None = None, **options: Any) -> Result:
    image = smooth()
    return complete(images.from_array(image), hole() if mask is None else mask, **options)


def bytes_of(result: Result) -> list[bytes]:
    return [picture.pixels.tobytes() for picture in result.pictures]


# Signatures and search options


@pytest.mark.parametrize("name", ["fill", "complete", "restore"])
def test_signatures_are_explicit_and_keyword_only(name: str) -> None:
    parameters = inspect.signature(getattr(inpaint, name)).parameters.values()
    kinds = {p.kind for p in parameters}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    keywords = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert {"prior", "search", "seed", "device"} <= set(keywords)


def test_fill_does_not_accept_what_it_cannot_return() -> None:
    with pytest.raises(TypeError, match="candidates"):
        inpaint.fill(smooth(), hole(), candidates=3)  # type: ignore[call-arg]


def test_unknown_search_options_are_refused_by_name() -> None:
    for call in (inpaint.fill, inpaint.restore):
        more = {"task": "denoise"} if call is inpaint.restore else {"mask": hole()}
        with pytest.raises(UnknownNameError, match="search option 'step'; did you mean 'steps'"):
            call(smooth(), search={"step": 5}, **more)
    with pytest.raises(SearchError, match="search is int"):
        inpaint.fill(smooth(), hole(), search=40)  # type: ignore[arg-type]


def test_a_mapping_and_the_typed_value_are_the_same(tiny_folders: dict[str, str]) -> None:
    options: dict[str, Any] = {"steps": 3, "restarts": 2, "start": "sample"}
    given = {"prior": tiny_folders["vae"], "stages": ()}
    first = run(search=options, **given)
    assert bytes_of(first) == bytes_of(run(search=SearchOptions(**options), **given))
    assert bytes_of(first) != bytes_of(run(search={**options, "steps": 0}, **given))


def test_every_search_option_is_a_keyword_of_the_search() -> None:
    keywords = inspect.signature(inpaint.search.search).parameters
    assert set(SearchOptions.__dataclass_fields__) <= set(keywords)
    assert set(inpaint.search.REFERENCE) <= set(SearchOptions.__dataclass_fields__)


@pytest.mark.parametrize("stages", ["poisson", 3, (3,)])
def test_what_is_no_stage_is_refused(stages: Any) -> None:
    with pytest.raises(InpaintError, match="stage"):
        run(stages=stages)


def test_the_top_imports_nothing_heavy_and_has_all_names() -> None:
    code = (
        "import sys, inpaint; assert 'torch' not in sys.modules; "
        "inpaint.Patch; assert 'torch' not in sys.modules; "
        "[getattr(inpaint, n) for n in inpaint.__all__]; import inpaint.restore.noise; "
        "assert callable(inpaint.restore); assert inpaint.restore.restore is not None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = {"fill", "complete", "restore", "SearchOptions", "Patch", "Prior", "Stage"}
    assert names <= set(inpaint.__all__)


def test_restore_is_a_function_before_and_after_its_package_was_imported() -> None:
    image = noise(16, 16, 3)
    kept = inpaint.restore(image, task="denoise", noise=0)
    np.testing.assert_array_equal(kept, image)
    with pytest.raises(InpaintError, match="denoise keeps the size"):
        inpaint.restore(image, task="denoise", scale=4)


# Objects


def brighter(patch: Patch) -> Patch:
    return patch.with_filled(np.clip(patch.filled + 0.25, 0, 1))


def idle(patch: Patch) -> Patch:
    return patch


def rebuilt(folder: str) -> Any:
    """The prior of a folder, built without ``load_prior``."""
    config, tensors = weights.load(Path(folder))
    return importlib.import_module(f"inpaint.priors.{config['kind']}").from_config(config, tensors)


def test_a_prior_object_gives_what_its_folder_gives(tiny_folders: dict[str, str]) -> None:
    for kind in registry.kinds():
        by_object = run(prior=rebuilt(tiny_folders[kind]), **QUICK)
        assert bytes_of(by_object) == bytes_of(run(prior=tiny_folders[kind], **QUICK)), kind
        assert by_object.reports[0].prior == kind


def test_a_loaded_prior_is_its_name() -> None:
    for name in ("faces64-gaussian", "faces64-vae"):
        given = {"search": {"steps": 1}, "stages": ("auto",)}
        by_object, by_name = (run(prior=p, **given) for p in (inpaint.load_prior(name), name))
        assert bytes_of(by_object) == bytes_of(by_name)
        assert by_object.reports == by_name.reports
        assert by_object.reports[0].prior == name


def test_a_folder_may_be_a_path(tiny_folders: dict[str, str]) -> None:
    folder = tiny_folders["gaussian"]
    assert bytes_of(run(prior=Path(folder), **QUICK)) == bytes_of(run(prior=folder, **QUICK))


def test_an_object_that_is_no_prior_is_refused_by_what_it_lacks() -> None:
    class Half:
        size = 16

        def generate(self, z: Tensor) -> Tensor:
            return z

    for call in (run, lambda **o: inpaint.restore(smooth(), task="denoise", **o)):
        with pytest.raises(InpaintError, match=r"Half without .*perceptual_loss.*start_z"):
            call(prior=Half())


def test_restore_takes_a_prior_object(tiny_folders: dict[str, str]) -> None:
    image = noise(40, 40, 3)
    given: dict[str, Any] = {"task": "denoise", "noise": 10}
    np.testing.assert_array_equal(
        inpaint.restore(image, prior=rebuilt(tiny_folders["gaussian"]), **given),
        inpaint.restore(image, prior=tiny_folders["gaussian"], **given),
    )


def test_stages_may_be_functions_and_names(tiny_folders: dict[str, str]) -> None:
    prior = tiny_folders["gaussian"]
    plain = run(prior=prior, **QUICK)
    mixed = run(prior=prior, **{**QUICK, "stages": ("poisson", brighter)})
    mask = hole()
    before, after = (r.pictures[0].pixels.astype(int) for r in (plain, mixed))
    assert (after[mask] - before[mask]).mean() == pytest.approx(0.25 * 255, abs=12)
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert mixed.reports[0].stages == ("poisson", "brighter")


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (lambda patch: None, "returned NoneType; expected a Patch"),
        (lambda patch: patch.with_filled(patch.filled * np.nan), "not finite"),
    ],
)
def test_a_stage_that_breaks_its_promise_is_named(
    tiny_folders: Any, stage: Any, words: str
) -> None:
    with pytest.raises(InpaintError, match=f"the stage '<lambda>' .*{words}"):
        run(prior=tiny_folders["gaussian"], stages=(stage,))


# What is reported ran


def test_a_stage_without_weights_is_refused_if_asked_for() -> None:
    for given in ("recurrent", "attention"):
        with pytest.raises(
            WeightsError, match=f"'{given}' has no weights for the prior 'gaussian'"
        ):
            run(prior=gaussian.tiny(), stages=("poisson", given))
    with pytest.raises(WeightsError, match=r"leave it out, or use a prior .*faces64-gaussian"):
        run(prior="scenes64-gaussian", stages=("recurrent",))


def test_a_batch_refuses_such_a_stage_once(tmp_path: Path) -> None:
    for folder in ("in", "masks"):
        (tmp_path / folder).mkdir()
        for name in ("a.png", "b.png"):
            pixels = np.zeros((64, 64, 3), np.uint8) if folder == "masks" else noise(64, 64, 3)
            pixels[20:40, 20:40] = 255
            images.write(tmp_path / folder / name, images.from_array(pixels))
    options = batch.Options(prior="scenes64-gaussian", stages=("poisson", "recurrent"))
    with pytest.raises(WeightsError, match="'recurrent' has no weights"):
        fill_folder(
            str(tmp_path / "in"),
            masks=str(tmp_path / "masks"),
            out=str(tmp_path / "out"),
            options=options,
            workers=0,
        )


def test_a_steered_object_fills_with_its_class(tiny_folders: dict[str, str]) -> None:
    prior = rebuilt(tiny_folders["cgan"])
    fills = {name: bytes_of(run(prior=prior, class_name=name, **QUICK)) for name in prior.classes}
    assert len({fill[0] for fill in fills.values()}) == len(prior.classes) > 1
    with pytest.raises(UnknownNameError, match="class of prior 'cgan'"):
        run(prior=prior, class_name="nigth", **QUICK)
    with pytest.raises(UnknownNameError, match="it has no classes"):
        run(prior=gaussian.tiny(), class_name="day", **QUICK)


def test_auto_leaves_out_what_cannot_run(tiny_folders: dict[str, str]) -> None:
    result = run(prior=tiny_folders["gaussian"])
    assert "attention" not in result.reports[0].stages
    assert "poisson" in result.reports[0].stages
    known = run(prior="scenes64-gaussian", stages=("auto",))
    assert "completion" in known.reports[0].stages


def test_a_stage_that_changed_nothing_is_not_reported(tiny_folders: dict[str, str]) -> None:
    prior = tiny_folders["gaussian"]
    result = run(prior=prior, stages=("poisson", idle, brighter))
    assert result.reports[0].stages == ("poisson", "brighter")
    thin = run(hole(depth=1), prior=prior, stages=("poisson", "texture"))
    assert bytes_of(thin) == bytes_of(run(hole(depth=1), prior=prior, stages=("poisson",)))
    assert thin.reports[0].stages == ("poisson",)


# Candidates and routes


@pytest.mark.parametrize("prior", ["faces64-gaussian", "faces64-vae"])
@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_the_first_candidate_is_the_single_fill_whatever_their_number(
    prior: str, mode: str
) -> None:
    given: dict[str, Any] = {"prior": prior, "mode": mode, "search": {"steps": 1}}
    (single,) = bytes_of(run(**given))
    for count in (2, 6):
        result = run(candidates=count, **given)
        fills = bytes_of(result)
        assert fills[0] == single
        assert len(set(fills)) == count
        assert result.reports == run(**given).reports


def test_the_first_candidate_of_a_thin_hole_stays_the_classical_one() -> None:
    mask = hole(depth=2)
    single = run(mask, stages=("poisson",))
    several = run(mask, stages=("poisson",), candidates=3)
    one, many = single.reports[0], several.reports[0]
    assert one.method == many.method == "biharmonic"
    assert bytes_of(several)[0] == bytes_of(single)[0]
    assert len(set(bytes_of(several))) == 3
    assert many.why == f"{one.why}; the prior made the 2 further candidates"
    assert many.hidden_errors == one.hidden_errors


def test_nothing_is_searched_when_a_classical_method_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    real = filler.search

    def counted(*arguments: Any, **options: Any) -> Any:
        searched.append(int(arguments[2].sum()))
        return real(*arguments, **options)

    monkeypatch.setattr(filler, "search", counted)
    told: list[Any] = []
    result = run(hole(depth=2), stages=(), callback=lambda *call: told.append(call))
    (report,) = result.reports
    assert report.method == "biharmonic"
    assert len(searched) == 1, "the contest's own search, and no other"
    assert told == []
    assert (report.loss, report.contextual, report.perceptual) == (None, None, None)
    json.dumps(report.__dict__)


def test_the_contest_never_sees_what_is_hidden_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not by way of the family's Gaussian, whose fill the search starts from."""
    asked: list[tuple[Any, np.ndarray]] = []
    real = filler.search

    def seen(prior: Any, x: Tensor, mask: Tensor, **options: Any) -> Any:
        asked.append((prior.kind, mask[0].numpy().copy()))
        return real(prior, x, mask, **options)

    def contest(image: np.ndarray, mask: np.ndarray, prior: Any, **_: Any) -> router.Route:
        prior(image, mask | hidden)
        return router.Route("ns", {}, "told so")

    hidden = np.zeros((64, 64), bool)
    hidden[50:60, 10:30] = True
    monkeypatch.setattr(filler, "search", seen)
    monkeypatch.setattr(router, "route", contest)
    choice = choose.Choice("faces64-vae", True, {"faces64": 0.0})
    monkeypatch.setattr("inpaint.pipeline.prior.choose_prior", lambda *_, **__: choice)
    image = noise(64, 64, 3)
    mask = np.zeros((64, 64), bool)
    mask[20:22, 10:50] = True
    complete(images.from_array(image), mask, search={"steps": 1}, stages=())
    assert [kind for kind, _ in asked] == ["gaussian", "vae"]
    for _, unseen in asked:
        assert unseen[hidden].all()


def test_a_crop_is_shrunk_once_for_all_priors(monkeypatch: pytest.MonkeyPatch) -> None:
    count: list[int] = []
    real = filler.shrink
    monkeypatch.setattr(filler, "shrink", lambda *a: count.append(a[2]) or real(*a))
    run(prior="faces64-vae", search={"steps": 1}, stages=())
    assert count == [64]


def test_progress_of_further_candidates_goes_on(tiny_folders: dict[str, str]) -> None:
    steps: list[tuple[int, int]] = []
    options = {"steps": 2, "restarts": 2}
    run(
        prior=tiny_folders["vae"],
        search=options,
        stages=(),
        candidates=4,
        callback=lambda crop, crops, all_, step, terms: steps.append((all_, step)),
    )
    assert steps == [(5, step) for step in range(6)]


# Devices


def test_the_device_is_honoured_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU is needed: whoever is given a device says so."""
    asked: dict[str, set[str]] = {"prior": set(), "refiner": set()}
    load, refiner = registry.load_prior, refine.load

    def load_prior(name: str, device: str = "cpu") -> Any:
        asked["prior"].add(device)
        return load(name)

    def load_refiner(folder: Path, device: str = "cpu") -> Any:
        asked["refiner"].add(device)
        return refiner(folder)

    class Elsewhere:
        type = "cuda"

        def __str__(self) -> str:
            return "cuda:0"

    monkeypatch.setattr(registry, "load_prior", load_prior)
    monkeypatch.setattr(refine, "load", load_refiner)
    monkeypatch.setattr("inpaint.pipeline.compose.resolve", lambda name: Elsewhere())
    to = Tensor.to

    def stay(self: Tensor, *where: Any, **more: Any) -> Tensor:
        away = where and str(where[0]) == "cuda:0"
        return self if away else to(self, *where, **more)

    monkeypatch.setattr(Tensor, "to", stay)
    result = run(device="cuda")
    assert "completion" in result.reports[0].stages
    assert asked == {"prior": {"cuda:0"}, "refiner": {"cuda:0"}}


def test_refiners_move_to_the_device(tmp_path: Path) -> None:
    folder = registry.refiner_folder("completion", "scenes64")
    assert folder is not None
    network = refine.load(folder, "meta")
    assert {p.device.type for p in network.parameters()} == {"meta"}
    assert {p.device.type for p in refine.load(folder).parameters()} == {"cpu"}


def test_the_settings_reach_named_stages_that_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def stage(patch: Patch, *, device: str = "", sharpness: float = 9.0) -> Patch:
        seen.update(device=device, sharpness=sharpness)
        return patch

    image = smooth().astype(np.float32) / 255
    patch = Patch(image, hole(), image, image)
    monkeypatch.setattr(registry, "stage", lambda name: stage)
    for one in chain.build(("own",), family="", mode="psnr", device="cuda:1"):
        one(patch)
    assert seen == {"device": "cuda:1", "sharpness": 0.0}
    for one in chain.build((stage,), family="", mode="psnr", device="cuda:1"):
        one(patch)
    assert seen == {"device": "", "sharpness": 9.0}


def test_help_says_what_runs_where() -> None:
    for command in ("fill", "remove", "batch", "serve"):
        done = subprocess.run(
            [sys.executable, "-m", "inpaint", command, "--help"], capture_output=True, text=True
        )
        told = " ".join(done.stdout.split())
        assert "where priors and learned refiners run" in told, command


def test_a_changed_prior_object_is_the_one_that_fills(tmp_path: Path) -> None:
    prior = gaussian.tiny()
    weights.save(tmp_path, prior.config(), prior.tensors())
    loaded: Any = inpaint.load_prior(str(tmp_path))
    before = bytes_of(run(prior=loaded, **QUICK))
    loaded.mean = loaded.mean + 0.2
    assert bytes_of(run(prior=loaded, **QUICK)) != before
    assert isinstance(loaded.mean, torch.Tensor)


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    from inpaint import errors
    from inpaint.evaluate.method import MethodError

    drawn: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([ |`-]*)(\w+Error) ", line)
        if found:
            depth = len(found[1])
            path = [one for one in path if one[0] < depth]
            drawn[found[2]] = path[-1][1] if path else "Exception"
            path.append((depth, found[2]))
    own = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in [*own, MethodError]}
