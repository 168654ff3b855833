"""What ``fill`` and ``remove`` share: options, progress, outputs and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from inpaint.cli.progress import bar
from inpaint.errors import OutputError, UnknownNameError
from inpaint.zoo import classes, registry

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from inpaint.images import Picture
    from inpaint.pipeline import Result

DEVICE = (
    "auto, cpu, cuda or mps: where priors and learned refiners run. Everything else, and the "
    "choice of the prior, runs on the CPU."
)
PRIOR = "The name of a prior (inpaint list priors), its folder, an ONNX file, or auto."
CLASS = "What to fill with, such as mountain; only some priors have classes."
MODE = "sharp: fills that look like a photo; psnr: smoother ones, closer to the truth on average."
STAGES = (
    f"What follows the search ({', '.join(registry.own_stages())}, or one of an installed package: "
    "inpaint list stages), or none. Repeat it for several, which run in the order given. [auto]"
)
SEED = "The same seed gives the same bytes."
faces_option = click.option(
    "--faces/--no-faces",
    default=True,
    show_default=True,
    help="With the prior auto: look for faces that the hole touches, and fill them as faces.",
)
_OPTIONS = (
    click.option("--prior", default="auto", show_default=True, help=PRIOR),
    click.option("--class", "class_name", help=CLASS),
    click.option(
        "--mode",
        default="sharp",
        show_default=True,
        type=click.Choice(["sharp", "psnr"]),
        help=MODE,
    ),
    click.option(
        "--stage",
        "stages",
        multiple=True,
        help=STAGES,
    ),
    click.option(
        "--candidates",
        default=1,
        show_default=True,
        type=click.IntRange(1),
        help="How many different fills to make; the first is the same for any number.",
    ),
    faces_option,
    click.option(
        "--steps", type=click.IntRange(min=0), help="Steps of the search. [as the prior says]"
    ),
    click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62), help=SEED),
    click.option("--device", default="auto", show_default=True, help=DEVICE),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        help="Quality of a JPEG or WebP. [as in the input]",
    ),
    click.option(
        "--trace",
        type=click.Path(path_type=Path),
        help="Write pictures and losses of the search into this new folder.",
    ),
    click.option(
        "--explain", is_flag=True, help="Say for each hole which method filled it, and why."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
)
Function = TypeVar("Function", bound=Callable[..., Any])
mask_labels = click.option(
    "--mask-labels",
    metavar="any|ID,...",
    help="Read the mask as a label map. any fills all but the background; numbers, ranges "
    "(128-255) and colours (#ff0000) fill these labels.",
)


@dataclass(frozen=True)
class Choices:
    """The values of the shared options, as click passes them."""

    prior: str
    class_name: str | None
    mode: str
    stages: tuple[str, ...]
    candidates: int
    faces: bool
    steps: int | None
    seed: int
    device: str
    quality: int | None
    trace: Path | None
    explain: bool
    as_json: bool

    @property
    def order(self) -> tuple[str, ...]:
        """The stages as ``pipeline.complete`` takes them."""
        return () if self.stages == ("none",) else self.stages or ("auto",)

    def check(self) -> None:
        """Raise what is wrong with the names, before any file is read.

        Raises UnknownNameError, or WeightsError for a prior whose config cannot be read.
        """
        if self.class_name is not None:
            classes.prior_of(self.prior, self.class_name)
        elif self.prior != "auto":
            registry.check_prior(self.prior)
        for unknown in set(self.order) - {"auto", *registry.stages()}:
            raise UnknownNameError("stage", unknown, registry.stages())


def options(function: Function) -> Function:
    """Give a command the shared options; its ``**choices`` are the fields of ``Choices``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def refuse_mask_options(labels: str | None, *, invert: bool) -> None:
    """Raise click.UsageError for options of mask files where the hole is in the image's alpha."""
    if labels is not None:
        raise click.UsageError("--mask-labels reads a mask file; give one with --mask or --masks")
    if invert:
        raise click.UsageError(
            "--invert turns a mask file around, and alpha is none: what is transparent is the "
            "hole. Give a mask file, or leave --invert out"
        )


def outputs(out: Path, choices: Choices, *, inputs: Iterable[Path]) -> list[Path]:
    """Paths to write, all of them checked before anything is computed.

    OUT first, then OUT-2, OUT-3 and so on for further candidates.
    """
    numbers = range(2, choices.candidates + 1)
    outs = [out, *(out.with_name(f"{out.stem}-{k}{out.suffix}") for k in numbers)]
    for path in outs:
        check_output(path, inputs=inputs, trace=choices.trace)
    return outs


def check_output(
    path: Path, *, inputs: Iterable[Path], trace: Path | None = None, option: str = "--out"
) -> None:
    """Raise OutputError when a path cannot be written, or is an input or in the trace's folder."""
    from inpaint import images

    if path.resolve() in {one.resolve() for one in inputs}:
        raise OutputError(f"{path}: is an input; inputs are never modified, name another {option}")
    if trace and path.resolve().parent == trace.resolve():
        raise OutputError(f"{path}: lies in the --trace folder; name another place for one")
    images.check_writable(path)


def fill_and_write(
    picture: Picture,
    hole: np.ndarray,
    outs: list[Path],
    choices: Choices,
    *,
    opaque: bool = False,
    more: dict[str, Any] | None = None,
) -> None:
    """Fill the hole under a progress bar, write ``outs`` and the trace, explain and report.

    ``more`` is added to the JSON report. Imports torch: call it when all else is checked.

    ``hole`` is (H, W) bool.
    """
    from inpaint import images
    from inpaint.images.encode import format_named
    from inpaint.images.indexed import told
    from inpaint.pipeline import complete
    from inpaint.pipeline.trace import Trace

    search = {} if choices.steps is None else {"steps": choices.steps}
    recorder = Trace(choices.trace) if choices.trace else None
    with bar() as progress:
        task = progress.add_task("search", total=None)

        def tell(crop: int, crops: int, steps: int, step: int, terms: dict[str, Tensor]) -> None:
            done = crop * (steps + 1) + step + 1
            total = crops * (steps + 1)
            # Blending and the stages of the last crop follow, and tell nothing while they work.
            what = "search" if done < total else "blend and refine"
            progress.update(task, description=what, total=total, completed=done)
            if recorder:
                recorder(crop, step, steps, terms)

        result = complete(
            picture,
            hole,
            prior=choices.prior,
            class_name=choices.class_name,
            mode=choices.mode,
            stages=choices.order,
            candidates=choices.candidates,
            faces=choices.faces,
            seed=choices.seed,
            device=choices.device,
            opaque=opaque,
            callback=tell,
            search=search,
        )
    for path, filled in zip(outs, result.pictures, strict=True):
        images.write(path, filled, quality=choices.quality)
    note = told(result.pictures[0], format_named(outs[0].suffix))
    if note:
        click.echo(f"Note: {note}", err=True)
    if recorder:
        recorder.write(picture, hole, result.pictures[0])
    if choices.explain:
        _explain(result)
    _report(result, outs, int(hole.sum()), as_json=choices.as_json, more=more or {})


def _explain(result: Result) -> None:
    """Write lines for each crop to stderr: its prior, method and stages, with the reasons."""
    for number, one in enumerate(result.reports, 1):
        top, left, bottom, right = one.box
        click.echo(f"hole {number}, seen within x {left}-{right}, y {top}-{bottom}:", err=True)
        if one.face:
            reason = f"a face was found, score {one.face['score']:.1f}"
        elif one.evidence:
            likely = ", ".join(f"{k} {v:.2f}" for k, v in one.evidence.items())
            reason = f"log-likelihood for each known value: {likely}"
        else:
            reason = "asked for"
        click.echo(f"  prior   {one.prior} ({reason})", err=True)
        click.echo(f"  method  {one.method} ({one.why})", err=True)
        click.echo(f"  stages  {' + '.join(one.stages) or 'none'}", err=True)


def _report(
    result: Result, outs: list[Path], pixels: int, *, as_json: bool, more: dict[str, Any]
) -> None:
    if as_json:
        report = {
            "out": [str(p) for p in outs],
            "seconds": round(result.seconds, 3),
            "crops": [asdict(r) for r in result.reports],
            **more,
        }
        click.echo(json.dumps(report))
        return
    names = ", ".join(
        sorted({r.prior if r.method == "prior" else r.method for r in result.reports})
    )
    click.echo(f"filled {pixels} pixels with {names} in {result.seconds:.1f} s", err=True)
    for path in outs:
        click.echo(str(path))
