"""How much of an image each prior can express: PSNR of fully observed held-out images.

    python benchmarks/ceiling.py faces64-vae VAL.tar [--limit 64] [--steps 300] [--sheet FILE.jpg]

Every pixel is known, so nothing but the prior's range and the search limit the figure. The sheet
shows held-out images, the same as the prior can draw them, and samples of the prior.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from PIL import Image

from inpaint import registry
from inpaint.evaluate import data
from inpaint.search import search
from pretrain.sheets import tile

CHUNK = 16


def held_out(source: Path, size: int, limit: int) -> torch.Tensor:
    """The first images of ``source``, brought to (N, 3, size, size) in [0, 1]."""
    pixels = [
        cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        for _, image in data.iter_images(source, limit=limit)
    ]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


@click.command()
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--limit", default=64, show_default=True)
@click.option("--steps", default=300, show_default=True)
@click.option("--sheet", type=click.Path(path_type=Path))
def main(name: str, source: Path, limit: int, steps: int, sheet: Path | None) -> None:
    prior = registry.load_prior(name)
    images = held_out(source, prior.size, limit)
    nothing = torch.zeros((len(images), prior.size, prior.size), dtype=torch.bool)
    options = {**prior.search_defaults, "lam": 0.0, "base": 1.0, "norm": "l2", "restarts": 4}
    if prior.kind == "gaussian":
        options = prior.search_defaults
    else:
        options.update(steps=steps, lr=0.1)
    started = time.perf_counter()
    found = [
        search(prior, images[i : i + CHUNK], nothing[i : i + CHUNK],
               seeds=range(i, min(i + CHUNK, len(images))), **options).x[:, 0]
        for i in range(0, len(images), CHUNK)
    ]  # fmt: skip
    again = torch.cat(found)
    psnr = -10 * (again - images).square().mean((1, 2, 3)).log10()
    facts = {
        "prior": name,
        "images": len(images),
        "ceiling_psnr": round(float(psnr.mean()), 2),
        "std": round(float(psnr.std()), 2),
        "steps": options["steps"],
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(facts))
    if sheet:
        z = prior.sample_z(32, torch.Generator().manual_seed(0))
        rows = tile(torch.cat([images[:16], again[:16], prior.generate(z)]), columns=16)
        Image.fromarray(rows).save(sheet, quality=88)


if __name__ == "__main__":
    main()
