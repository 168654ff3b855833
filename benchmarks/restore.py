"""Denoising, super-resolution and colourisation against simple baselines.

    python benchmarks/restore.py faces64=faces64-val.tar scenes=scenes128-val.tar:8 --sheets DIR

Each set is NAME=PATH[:IMAGES]; 32 images by default, evenly spread over those of the file. PSNR
in dB over all pixels, mean of the images. The noise is white, clipped and rounded to 8 bits; the
small images are area means, rounded. The strength of the baselines is the best of a few on these
very images, which favours them; ours is told nothing but the picture (and, where the row says so,
the noise).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from provenance import commit

from inpaint import images
from inpaint.evaluate.data import iter_images
from inpaint.evaluate.metrics import psnr
from inpaint.images.sheet import sheet
from inpaint.restore import Restored, restore_picture

SIGMA = 25
BLURS, STRENGTHS = (0.6, 0.8, 1.0, 1.3), (10, 15, 20, 25)
Method = Callable[[np.ndarray], np.ndarray]


def pictures(spec: str) -> tuple[str, np.ndarray | list[np.ndarray]]:
    name, _, rest = spec.partition("=")
    path, _, number = rest.partition(":")
    everything = [image for _, image in iter_images(Path(path)) if isinstance(image, np.ndarray)]
    number = min(int(number or 32), len(everything))
    return name, [everything[i * len(everything) // number] for i in range(number)]


def ours(task: str, priors: set[str], **options: object) -> Method:
    def run(y: np.ndarray) -> np.ndarray:
        done: Restored = restore_picture(images.from_array(y), task=task, **options)  # type: ignore[arg-type]
        priors.add(done.prior)
        return done.picture.pixels

    return run


def nlm(strength: int) -> Method:
    return lambda y: cv2.fastNlMeansDenoisingColored(
        y[..., ::-1].copy(), None, strength, strength, 5, 15
    )[..., ::-1]


def enlarged(scale: int, how: int) -> Method:
    return lambda y: cv2.resize(y, None, fx=scale, fy=scale, interpolation=how)


def noisy(truth: list[np.ndarray]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        np.clip(np.rint(x + SIGMA * rng.standard_normal(x.shape)), 0, 255).astype(np.uint8)
        for x in truth
    ]


def small(truth: list[np.ndarray], scale: int) -> list[np.ndarray]:
    def one(x: np.ndarray) -> np.ndarray:
        height, width = (side // scale for side in x.shape[:2])
        return cv2.resize(x, (width, height), interpolation=cv2.INTER_AREA)

    return [one(x) for x in truth]


def grey(truth: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in truth]


def best(methods: dict[str, Method], seen: list[np.ndarray], truth: list[np.ndarray]) -> str:
    return max(methods, key=lambda name: mean_psnr([methods[name](y) for y in seen], truth))


def mean_psnr(found: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return float(
        np.mean([psnr(np.ascontiguousarray(f), t) for f, t in zip(found, truth, strict=True)])
    )


def tasks(
    truth: list[np.ndarray], others: tuple[str, ...], priors: set[str]
) -> dict[str, tuple[list[np.ndarray], list[np.ndarray], dict[str, Method]]]:
    """Seen and true pictures and the methods of each task."""

    def all_ours(task: str, **options: object) -> dict[str, Method]:
        extra = {p: ours(task, set(), prior=p, **options) for p in others}
        return {"ours": ours(task, priors, **options), **extra}

    seen = noisy(truth)
    blurs = {f"blur {s}": lambda y, s=s: cv2.GaussianBlur(y, (0, 0), s) for s in BLURS}
    means = {f"NLM {h}": nlm(h) for h in STRENGTHS}
    chosen = {name: group[name] for group in (blurs, means) for name in [best(group, seen, truth)]}
    told = {"ours, sigma told": ours("denoise", priors, noise=SIGMA)}
    found = {
        f"denoise {SIGMA}": (
            seen,
            truth,
            {"noisy": lambda y: y, **chosen, **all_ours("denoise"), **told},
        )
    }
    for scale in (2, 4):
        whole = [x[: x.shape[0] // scale * scale, : x.shape[1] // scale * scale] for x in truth]
        simple = {
            "bicubic": enlarged(scale, cv2.INTER_CUBIC),
            "Lanczos": enlarged(scale, cv2.INTER_LANCZOS4),
        }
        methods = {**simple, **all_ours("superres", scale=scale)}
        found[f"superres x{scale}"] = small(whole, scale), whole, methods
    plain: Method = lambda y: np.repeat(y[..., None], 3, axis=2)  # noqa: E731
    found["colorize"] = grey(truth), truth, {"grey": plain, **all_ours("colorize")}
    return found


@click.command()
@click.argument("sets", nargs=-1, required=True)
@click.option("--prior", "others", multiple=True, help="NAME:PRIOR, also by this one on that set.")
@click.option("--sheets", type=click.Path(path_type=Path), help="New sheets of pictures go here.")
@click.option("--json", "report", type=click.Path(path_type=Path))
def main(
    sets: tuple[str, ...], others: tuple[str, ...], sheets: Path | None, report: Path | None
) -> None:
    torch.set_num_threads(1)
    rows = []
    print("| set | images | task | method | PSNR | s an image |\n|---|---|---|---|---|---|")
    for spec in sets:
        name, truth = pictures(spec)
        extra = tuple(o.partition(":")[2] for o in others if o.partition(":")[0] == name)
        priors: set[str] = set()
        for task, (seen, true, methods) in tasks(list(truth), extra, priors).items():
            shown: list[list[np.ndarray]] = [list(true[:8])]
            for method, run in methods.items():
                run(seen[0])  # warm up: priors load once
                started = time.perf_counter()
                found = [run(y) for y in seen]
                seconds = (time.perf_counter() - started) / len(seen)
                value = mean_psnr(found, true)
                rows.append(
                    {"set": name, "n": len(true), "task": task, "method": method}
                    | {"psnr": round(value, 2), "seconds": round(seconds, 3)}
                )
                line = f"| {name} | {len(true)} | {task} | {method} | {value:.2f} | {seconds:.3f} |"
                print(line, flush=True)
                shown.append(found[:8])
            if sheets:
                sheets.mkdir(parents=True, exist_ok=True)
                labels = ["truth", *methods]
                cells = [
                    [(label if i == 0 else "", np.ascontiguousarray(p)) for i, p in enumerate(row)]
                    for label, row in zip(labels, shown, strict=True)
                ]
                path = sheets / f"{name}-{task.replace(' ', '-')}.png"
                cv2.imwrite(str(path), sheet(cells, height=128)[..., ::-1])
        print(f"{name}: ours used {', '.join(sorted(priors))}", flush=True)
    facts = {"commit": commit(), "torch": torch.__version__, "cv2": cv2.__version__}
    print(json.dumps(facts))
    if report:
        report.write_text(json.dumps({**facts, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
