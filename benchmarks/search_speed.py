"""How much faster the search is than that of Yeh et al. 2017, at what quality.

    python benchmarks/search_speed.py VAL.tar [--limit 8] [--prior NAME]... [--mask NAME]...
                                      [--gaussian NAME] [--latency 20] [--out FILE.json]

Both searches get the same prior, images, masks and machine in one run, one thread, one image at a
time, followed by the same Poisson blend. ``reference`` is 1,500 Adam steps from one sample;
``fast`` is below, from a guessed start where the prior has a network for that, and from the
Gaussian's fill, encoded, where the prior has an encoder; ``defaults`` are the prior's own;
``fast + refiner`` is ``fast``, then after the blend the attention stage of ``--mode sharp``.
Seconds are the CPU's, of the search (with the Gaussian, and the refiner) alone; ``latency`` is
the wall time of a whole ``fill`` of one image with ``fast``, without the Gaussian: quartiles.
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
from search_ablation import blended, guide, protocol, to_tensor

import inpaint
from inpaint.evaluate import data, metrics
from inpaint.priors import Prior
from inpaint.search import REFERENCE, search
from inpaint.stages import attention
from inpaint.stages.chain import SHARPNESS
from inpaint.stages.patch import Patch
from inpaint.zoo import registry
from inpaint.zoo.weights import read_config

# Sixteen evaluations with L-BFGS from one start, without the judge.
FAST: dict[str, Any] = {
    "restarts": 1,
    "optimizer": "lbfgs",
    "steps": 16,
    "lr": 0.2,
    "base": 0.05,
    "window": 13,
    "lam": 0.0,
}


def measure(
    prior: Prior,
    faces: np.ndarray,
    mask: np.ndarray,
    options: dict[str, Any],
    guide_prior: Prior | None = None,
    family: str = "",
) -> dict[str, float]:
    """Means of hole PSNR and LPIPS, median of the search's seconds.

    With ``guide_prior`` its fill is what the search starts from, with ``family`` that family's
    refiner follows the blend; the seconds of both count.
    """
    hole = torch.from_numpy(mask)[None]
    seconds, measured = [], []
    for i, truth in enumerate(faces):
        erased = np.where(mask[..., None], 0, truth).astype(np.uint8)
        started = time.process_time()
        x, near = to_tensor(erased), {}
        if guide_prior is not None:
            closed = search(guide_prior, x, hole, seeds=[i], **guide_prior.search_defaults)
            near = {"guess": closed.x[:, 0]}
        found = search(prior, x, hole, seeds=[i], **near, **options)
        spent = time.process_time() - started
        filled = blended(erased, mask, guide(found, "sharp"))
        if family:
            known, rough = (a.astype(np.float32) / 255 for a in (erased, filled))
            started = time.process_time()
            sharp = attention.apply(
                Patch(known, mask, rough, rough), family=family, sharpness=SHARPNESS["sharp"]
            )
            spent += time.process_time() - started
            filled = np.where(mask[..., None], (sharp.filled * 255).round(), truth).astype(np.uint8)
        seconds.append(spent)
        measured.append(metrics.measure(truth, filled, mask))
    means = {c: float(np.mean([m[c] for m in measured])) for c in ("psnr_hole", "lpips")}
    return {**means, "seconds": float(np.median(seconds))}


def latency(name: str, options: dict[str, Any], image: np.ndarray, repeats: int) -> list[float]:
    """Quartiles of the wall seconds of ``inpaint.fill``, weights loaded before."""
    mask = protocol()["center"]
    own = {k: v for k, v in options.items() if k in inpaint.SearchOptions.__dataclass_fields__}
    taken = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        inpaint.fill(image, mask, prior=name, search=own)
        taken.append(time.perf_counter() - started)
    return [float(q) for q in np.percentile(taken[1:], (25, 50, 75))]


@click.command()
@click.argument("val", type=click.Path(path_type=Path))
@click.option("--limit", default=8, show_default=True)
@click.option("--prior", "names", multiple=True, default=("faces64-dcgan", "faces64-vae"))
@click.option("--mask", "masks", multiple=True, default=("center", "half", "random80"))
@click.option("--gaussian", default="faces64-gaussian", help="Whose fills are encoded.")
@click.option("--latency", "repeats", default=20, show_default=True)
@click.option("--out", type=click.Path(path_type=Path))
def main(
    val: Path,
    limit: int,
    names: tuple[str, ...],
    masks: tuple[str, ...],
    gaussian: str,
    repeats: int,
    out: Path | None,
) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    faces = np.stack([image for _, image in data.iter_images(val, limit=limit)])
    facts: dict[str, Any] = {
        "commit": commit(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "n": len(faces),
        "rows": {},
    }
    click.echo("| prior | mask | search | hole PSNR | LPIPS | CPU s/image | times faster |")
    click.echo("|---" * 7 + "|")
    for name in names:
        prior = registry.load_prior(name)
        # Only an encoder can start from a fill.
        floor = registry.load_prior(gaussian) if hasattr(prior, "encode") else None
        fast = {**prior.search_defaults, **FAST}
        settings = {
            "reference": REFERENCE,
            "defaults": prior.search_defaults,
            "fast": fast,
            "fast + refiner": fast,
        }
        family = str(read_config(registry.prior_folder(name)).get("family", ""))
        search(prior, to_tensor(faces[0]), torch.zeros(1, 64, 64).bool(), seeds=[0], steps=2)
        for mask in masks:
            slow = 0.0
            for label, options in settings.items():
                near = floor if label.startswith("fast") else None
                refined = family if label.endswith("refiner") else ""
                row = measure(prior, faces, protocol()[mask], options, near, refined)
                slow = slow or row["seconds"]
                facts["rows"][f"{name}/{mask}/{label}"] = row
                figures = f"{row['psnr_hole']:.2f} | {row['lpips']:.4f} | {row['seconds']:.3f}"
                times = slow / row["seconds"]
                click.echo(f"| {name} | {mask} | {label} | {figures} | {times:.0f} |")
        if repeats:
            spread = latency(name, fast, faces[0], repeats)
            facts["rows"][f"{name}/latency"] = spread
            first, middle, third = (1000 * s for s in spread)
            times = f"{middle:.0f} ms | {first:.0f}-{third:.0f} ms"
            click.echo(f"| {name} | one fill | fast | - | - | {times} |")
    if out:
        out.write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
