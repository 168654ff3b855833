"""Is the budget of ``pretrain score`` enough? The ceiling of a prior by the steps it may take.

    python benchmarks/ceiling.py faces64-dcgan VAL.tar [--count 16] [--seed 0]

One JSON line a budget: steps, starts, how many starts go on, mean PSNR in dB, seconds. The line
marked ``default`` is what ``pretrain score`` spends. A Gaussian has a closed form and one line.
"""

from __future__ import annotations

import inspect
import json
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch

from inpaint.zoo import registry
from pretrain import data
from pretrain.ceiling import ceiling
from pretrain.cuts import Cuts

BUDGETS = [(100, 1, 1), (300, 1, 1), (300, 4, 1), (300, 4, 2), (600, 8, 2), (1200, 8, 4)]
NAMES = ("steps", "starts", "kept")


@click.command()
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--count", default=16, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(name: str, source: Path, count: int, seed: int) -> None:
    prior = registry.load_prior(name)
    with tempfile.TemporaryDirectory() as cache:
        images = data.load([source], size=prior.size, cache=Path(cache))
        chosen = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int)
        pixels = Cuts(images, prior.size).whole()[chosen]
    y = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    defaults = inspect.signature(ceiling).parameters
    default = tuple(defaults[key].default for key in NAMES)
    for budget in [default] if prior.kind == "gaussian" else BUDGETS:
        started = time.perf_counter()
        found = ceiling(prior, y, seed=seed, **dict(zip(NAMES, budget, strict=True)))
        facts = {
            "prior": name,
            "images": len(y),
            **dict(zip(NAMES, budget, strict=True)),
            "ceiling_psnr": round(float(found.psnr.mean()), 2),
            "seconds": round(time.perf_counter() - started, 1),
            "default": budget == default,
        }
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
