"""What each idea of the search is worth: hole PSNR, LPIPS and seconds, by prior and mask.

    python benchmarks/search_ablation.py VAL.tar [--limit 32] [--prior NAME]... [--mask NAME]...
                                         [--only TEXT]... [--gaussian NAME] [--out FILE.json]

Each row changes only the settings that it names, starting from ``plain``: Adam, 4 restarts from the
prior's own starts, as many steps as the prior asks for. Masks: the middle 32x32, the right half,
80 % random pixels drawn once with default_rng(0). The hole is erased before anything sees the
image, one image is searched at a time, and every fill is blended by Poisson. Seconds are CPU
seconds of the search alone, the mean over images. Prints a markdown table.
"""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from provenance import commit
from torch import Tensor

from inpaint.evaluate import data, metrics
from inpaint.priors import Prior
from inpaint.search import Found, search
from inpaint.stages.patch import Patch
from inpaint.stages.poisson import apply
from inpaint.zoo import registry

COLUMNS = ("psnr_hole", "lpips")


def protocol() -> dict[str, np.ndarray]:
    """The three masks (64, 64), True = hole."""
    center, half = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    center[16:48, 16:48] = True
    half[:, 32:] = True
    random80 = np.random.default_rng(0).random((64, 64)) < 0.8
    return {"center": center, "half": half, "random80": random80}


def variants(kind: str) -> dict[str, dict[str, Any]]:
    """Settings over ``plain`` by the name of their row; ``mode`` and ``encoded`` are our own."""
    steps, lr = {"vae": (60, 0.1)}.get(kind, (150, 0.05))
    plain = {"restarts": 4, "steps": steps, "lr": lr, "optimizer": "adam"}
    short = {"optimizer": "lbfgs", "steps": steps // 3}
    quick = {"optimizer": "lbfgs", "restarts": 1, "steps": 12, "lam": 0.0}
    near = {"base": 0.05, "window": 13, "steps": 8, "lr": 0.2}
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "starts: samples": {"start": "sample"},
        "starts: Gaussian fill encoded": {"encoded": True},
        "L-BFGS, steps / 3": short,
        "L-BFGS, steps / 3, encoded": {**short, "encoded": True},
        "L-BFGS, steps / 3, no discriminator or p(z)": {**short, "lam": 0.0},
        "weights even (base 1)": {"base": 1.0},
        "weights near the hole (base 0.05)": {"base": 0.05},
        "mean of restarts": {"mode": "psnr"},
        "mean of 8 restarts, L-BFGS": {**short, "restarts": 8, "mode": "psnr"},
        "fast: 1 start, 12 of L-BFGS": quick,
        "fast: near the hole, 8 of L-BFGS": {**quick, **near},
        "fast: encoded, 12 of L-BFGS": {**quick, "encoded": True},
        "fast: encoded, 12, near the hole": {**quick, "encoded": True, "base": 0.05},
        "fast: encoded, 4 restarts averaged": {
            **quick,
            "encoded": True,
            "restarts": 4,
            "mode": "psnr",
        },
    }
    return {name: {**plain, **change} for name, change in changes.items()}


def to_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]


def guide(found: Found, mode: str) -> np.ndarray:
    """The best image (S, S, 3), or the mean of the restarts weighted by exp(-loss / spread)."""
    x, loss = found.x[0], found.loss[0]
    if mode == "psnr":
        spread = loss.std(correction=0).clamp_min(1e-12)
        x = torch.einsum("r,rchw->chw", torch.softmax(-(loss - loss[0]) / spread, 0), x)[None]
    return x[0].permute(1, 2, 0).numpy()


def blended(image: np.ndarray, mask: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    known = image.astype(np.float32) / 255
    rough = np.where(mask[..., None], drawn, known)
    smooth = apply(Patch(known, mask, rough, drawn)).filled
    return np.where(mask[..., None], (smooth * 255).round(), image).astype(np.uint8)


def run(
    prior: Prior,
    faces: np.ndarray,
    mask: np.ndarray,
    guesses: list[Tensor],
    options: dict[str, Any],
) -> dict[str, float]:
    """Means over the images of one row and one mask."""
    options = dict(options)
    mode, encoded = options.pop("mode", "sharp"), options.pop("encoded", False)
    measured, seconds = [], []
    hole = torch.from_numpy(mask)[None]
    for i, truth in enumerate(faces):
        erased = np.where(mask[..., None], 0, truth).astype(np.uint8)
        near = {"guess": guesses[i]} if encoded else {}
        started = time.process_time()
        found = search(prior, to_tensor(erased), hole, seeds=[i], **near, **options)
        seconds.append(time.process_time() - started)
        filled = blended(erased, mask, guide(found, mode))
        measured.append(metrics.measure(truth, filled, mask))
    means = {c: float(np.mean([m[c] for m in measured])) for c in COLUMNS}
    return {**means, "seconds": float(np.mean(seconds))}


def table(rows: dict[str, dict[str, float]], prior: str, masks: list[str]) -> str:
    lines = [f"| {prior} | " + " | ".join(masks) + " | s/image |", "|---" * (len(masks) + 2) + "|"]
    for name in dict.fromkeys(key.split("/", 2)[2] for key in rows):
        cells = [rows[f"{prior}/{m}/{name}"] for m in masks if f"{prior}/{m}/{name}" in rows]
        if len(cells) == len(masks):
            shown = " | ".join(f"{c['psnr_hole']:.2f} / {c['lpips']:.4f}" for c in cells)
            seconds = np.mean([c["seconds"] for c in cells])
            lines.append(f"| {name} | {shown} | {seconds:.3f} |")
    return "\n".join(lines)


def facts() -> dict[str, Any]:
    return {"commit": commit(), "torch": torch.__version__, "machine": platform.machine()}


@click.command()
@click.argument("val", type=click.Path(path_type=Path))
@click.option("--limit", default=32, show_default=True)
@click.option("--prior", "names", multiple=True, default=("faces64-vae", "faces64-dcgan"))
@click.option("--mask", "masks", multiple=True, default=("center", "half", "random80"))
@click.option("--only", multiple=True, help="Rows whose name contains this.")
@click.option("--gaussian", default="faces64-gaussian", help="Whose fills are encoded.")
@click.option("--out", type=click.Path(path_type=Path), help="Keeps finished rows.")
def main(
    val: Path,
    limit: int,
    names: tuple[str, ...],
    masks: tuple[str, ...],
    only: tuple[str, ...],
    gaussian: str,
    out: Path | None,
) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    faces = np.stack([image for _, image in data.iter_images(val, limit=limit)])
    rows: dict[str, dict[str, float]] = {}
    if out and out.exists():
        kept = json.loads(out.read_text())
        rows = kept["rows"] if kept["n"] == len(faces) else {}
    floor = registry.load_prior(gaussian)
    holes = {name: mask for name, mask in protocol().items() if name in masks}
    for name in names:
        prior = registry.load_prior(name)
        for mask_name, mask in holes.items():
            closed = floor.search_defaults
            hole = torch.from_numpy(mask)[None]
            guesses = [
                search(floor, to_tensor(f), hole, seeds=[0], **closed).x[:, 0] for f in faces
            ]
            for row, change in variants(prior.kind).items():
                key = f"{name}/{mask_name}/{row}"
                if key in rows or (only and not any(text in row for text in only)):
                    continue
                options = {**prior.search_defaults, **change}
                rows[key] = run(prior, faces, mask, guesses, options)
                figures = {k: round(v, 5) for k, v in rows[key].items()}
                click.echo(f"{key}: {figures}", err=True)
                if out:
                    out.write_text(json.dumps({**facts(), "n": len(faces), "rows": rows}, indent=1))
    click.echo(f"{len(faces)} images, one thread, hole PSNR / LPIPS, {facts()}")
    for name in names:
        click.echo("\n" + table(rows, name, list(holes)))


if __name__ == "__main__":
    main()
