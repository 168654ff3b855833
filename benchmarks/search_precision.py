"""Do bfloat16 or torch.compile speed a search up? Seconds and quality with and without, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/search_precision.py VAL.tar [--limit 8] [--prior NAME]...

bfloat16: the ``fast`` search of ``search_speed.py`` at center, with the generator under autocast.
torch.compile: milliseconds of one evaluation (4 rows, forward and backward) of a GAN's generator,
plain and compiled, and the seconds that the first compiled one takes. CPU time, one thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
import numpy as np
import torch
from provenance import commit
from search_speed import FAST, measure, protocol
from torch import Tensor

from inpaint.evaluate import data
from inpaint.priors.dcgan import DCGAN
from inpaint.zoo import registry

ROWS, REPEATS = 4, 40


def in_bfloat16(generate: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    def cast(self: Any, z: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            x = generate(self, z)
        return x.float()

    return cast


def evaluation(draw: Callable[[Tensor], Tensor], z: Tensor, repeats: int) -> float:
    """Processor milliseconds of drawing and going back."""
    started = time.process_time()
    for _ in range(repeats):
        draw(z).square().sum().backward()
    return round((time.process_time() - started) / repeats * 1000, 2)


@click.command()
@click.argument("val", type=click.Path(exists=True, path_type=Path))
@click.option("--limit", default=8, show_default=True)
@click.option("--prior", "names", multiple=True, default=("faces64-dcgan", "faces64-vae"))
@click.option("--gaussian", default="faces64-gaussian", help="Whose fills are encoded.")
def main(val: Path, limit: int, names: tuple[str, ...], gaussian: str) -> None:
    """Print both comparisons."""
    torch.set_num_threads(1)
    faces = np.stack([image for _, image in data.iter_images(val, limit=limit)])
    mask, found = protocol()["center"], {"commit": commit(), "n": len(faces)}
    for name in names:
        prior = registry.load_prior(name)
        options = {**prior.search_defaults, **FAST}
        near = registry.load_prior(gaussian) if hasattr(prior, "encode") else None
        own = type(prior).generate
        for label, generate in {"float32": own, "bfloat16": in_bfloat16(own)}.items():
            with mock.patch.object(type(prior), "generate", generate):
                measure(prior, faces[:1], mask, options, near)  # warm
                row = measure(prior, faces, mask, options, near)
            found[f"{name} {label}"] = {k: round(v, 4) for k, v in row.items()}
        if isinstance(prior, DCGAN):
            z = prior.sample_z(ROWS, torch.Generator().manual_seed(0)).requires_grad_()
            plain = prior.generator.fused()
            compiled = torch.compile(plain)
            evaluation(plain, z, 3)
            row = {"plain_ms": evaluation(plain, z, REPEATS)}
            started = time.perf_counter()
            evaluation(compiled, z, 1)
            row["first_compiled_s"] = round(time.perf_counter() - started, 1)
            row["compiled_ms"] = evaluation(compiled, z, REPEATS)
            found[f"{name} compile"] = row
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
