"""Does today's GAN recipe beat the classical one at equal steps? KID of their samples, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/gan_recipes.py --data TRAIN.tar --held-out VAL.tar
        [--steps 1000] [--width 16] [--seeds 1] [--cache DIR] [--sheets DIR]

Same networks, data, batches, steps and step size; what differs:

- ``plain``, as in PyTorch's DCGAN example: cross-entropy ("nonsaturating"), batch norm in D, Adam
  (0.5, 0.999), no augmentation, the last weights;
- ``r3``: relativistic pairs with R1 and R2 (Huang et al. 2024), no norm in D, Adam (0, 0.99),
  DiffAugment, moving average.

KID (AlexNet) of samples against held-out images, lower is better, and the deviation over
subsets; ``data`` is the same for training images, so the least that a model of them can reach.
With several seeds, each is printed and the median counts.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
import cv2
import numpy as np
import torch
from provenance import commit

from inpaint.evaluate.data import iter_images
from inpaint.evaluate.kid import NAME, kid, pooled
from inpaint.priors.dcgan import DCGAN
from pretrain import data, gan, sheets
from pretrain.options import GanOptions
from pretrain.run import Plan

RECIPES: dict[str, dict[str, Any]] = {
    "plain": {
        "loss": "nonsaturating", "critic_norm": "batch", "beta1": 0.5, "beta2": 0.999,
        "policy": "", "ema": 0.0,
    },
    "r3": {
        "loss": "r3", "gamma": 1.0, "penalty_every": 4, "beta1": 0.0, "beta2": 0.99,
        "policy": "color,translation", "ema": 0.999,
    },
}  # fmt: skip
CHUNK = 64


def samples(prior: DCGAN, n: int) -> np.ndarray:
    """``n`` samples of the prior, uint8 (n, S, S, 3)."""
    z = prior.sample_z(n, torch.Generator().manual_seed(0))
    with torch.no_grad():
        x = torch.cat([prior.generate(part) for part in z.split(CHUNK)])
    return (x * 255).round().byte().permute(0, 2, 3, 1).numpy()


def distance(made: np.ndarray, real: np.ndarray) -> dict[str, float]:
    found = kid(made, real)
    return {"kid": round(found.mean, 2), "std": round(found.std, 2)}


@click.command(help=__doc__.partition("\n")[0])
@click.option("--data", "source", required=True, type=click.Path(path_type=Path), help="Train.")
@click.option("--held-out", required=True, type=click.Path(path_type=Path), help="Compare with.")
@click.option("--size", default=64, show_default=True)
@click.option("--steps", default=1000, show_default=True)
@click.option("--width", default=16, show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--latent", default=100, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--samples", "count", default=500, show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for decoded images.")
@click.option("--sheets", "drawings", type=click.Path(path_type=Path), help="Folder for samples.")
def main(
    source: Path,
    held_out: Path,
    size: int,
    steps: int,
    width: int,
    batch: int,
    latent: int,
    seeds: int,
    count: int,
    cache: Path | None,
    drawings: Path | None,
) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        images = data.load([source], size=size, cache=cache or Path(folder))
        real = pooled(
            cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
            for _, image in iter_images(held_out)
        )
        chosen = np.random.default_rng(0).choice(len(images), min(count, len(images)), False)
        facts: dict[str, Any] = {
            "metric": NAME,
            "steps": steps, "size": size, "width": width, "batch": batch, "latent": latent,
            "samples": count, "held_out": len(real),
            "data": distance(pooled(images.pixels[i] for i in sorted(chosen)), real),
        }  # fmt: skip
        for name, recipe in RECIPES.items():
            rows = []
            for seed in range(seeds):
                options = GanOptions(
                    size=size, latent=latent, width=width, critic_width=width, batch=batch,
                    seed=seed, **recipe,
                )  # fmt: skip
                started = time.process_time()
                prior, _ = gan.train(
                    images, options, Plan(Path(folder, name, str(seed)), steps, batch)
                )
                seconds = time.process_time() - started
                made = samples(prior, count)
                rows.append({**distance(pooled(made), real), "cpu_seconds": round(seconds)})
                if drawings:
                    drawings.mkdir(parents=True, exist_ok=True)
                    shown = torch.from_numpy(made[:64]).permute(0, 3, 1, 2).float() / 255
                    sheets.write(drawings / f"{name}-{seed}.png", shown)
            facts[name] = {"median": statistics.median(r["kid"] for r in rows), "seeds": rows}
    facts |= {"commit": commit(), "torch": version("torch"), "machine": platform.machine()}
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
