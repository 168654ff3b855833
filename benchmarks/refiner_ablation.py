"""What a refiner's cell is worth at equal parameters and equal steps.

    OMP_NUM_THREADS=1 python benchmarks/refiner_ablation.py TRAIN... --val VAL.tar --prior NAME
        [--size 64] [--steps 1500] [--parameters 400000] [--mask NAME]... [--limit 64]
        [--folds 4] [--per-image 4] [--cache DIR] [--out FILE.json]

Every variant learns from the same fills, batches and losses; widths are chosen so that each has
as close to ``--parameters`` as its steps of 4 channels allow, and the figure is printed:

- ``none``: search and blend, nothing after it;
- ``plain``: the attention network without its attention;
- ``rnn``, ``lstm``: recurrent, three passes from the border inward;
- ``attention``;
- ``both``: an ``lstm`` and an ``attention`` behind it, each of half the parameters and half the
  steps; the second learns from what the first makes of half of the fills.

Hole PSNR / LPIPS of held-out images at ``sharpness`` 0.8, as ``--mode sharp`` mixes it. Finished
variants are kept in ``--out``, so that a run that was cut off goes on.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
import numpy as np
import torch
from provenance import commit
from torch import nn

from inpaint.evaluate import lpips, metrics, protocols
from inpaint.stages.chain import SHARPNESS
from inpaint.stages.refine import between
from inpaint.zoo import registry
from inpaint.zoo.weights import read_config
from pretrain import crossfit, data, fills, refiner
from pretrain.options import RefinerOptions
from pretrain.run import Plan

VARIANTS = ("none", "plain", "rnn", "lstm", "attention", "both")
CHUNK = 32


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def sized(options: RefinerOptions, wanted: float) -> RefinerOptions:
    """The options with the width that comes closest to ``wanted`` parameters."""
    tried = [dataclasses.replace(options, width=width) for width in range(4, 100, 4)]
    return min(tried, key=lambda o: abs(count(refiner.fresh(o)) - wanted))


def measured(
    networks: list[nn.Module], held_out: np.ndarray, prior: Any, masks: tuple[str, ...]
) -> dict[str, list[float]]:
    """Hole PSNR and LPIPS by mask, means over the held-out images."""
    judge, found = lpips.cached(), {}
    for name in masks:
        kept = []
        for start in range(0, len(held_out), CHUNK):
            truth = held_out[start : start + CHUNK]
            hole = protocols.make(name, truth.shape[1:3], seed=start)
            filled = fills.fill(prior, truth.astype(np.float32) / 255, hole, seed=start)
            x = torch.from_numpy(filled).permute(0, 3, 1, 2).float().clamp(0, 1)
            mask = torch.from_numpy(hole).expand(len(x), -1, -1)
            for network in networks:
                x = between(network, x, mask, SHARPNESS["sharp"]).clamp(0, 1)
            made = (x * 255).round().byte().permute(0, 2, 3, 1).numpy()
            made = np.where(hole[..., None], made, truth)
            for a, b in zip(made, truth, strict=True):
                far = judge.distance(lpips.to_tensor(a), lpips.to_tensor(b))
                kept.append((metrics.psnr_hole(a, b, hole), float(far)))
        found[name] = [round(float(v), 4) for v in np.mean(kept, axis=0)]
    return found


@click.command()
@click.argument("train", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--val", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--prior", required=True)
@click.option("--size", default=64)
@click.option("--steps", default=1500)
@click.option("--parameters", default=400_000)
@click.option("--mask", "masks", multiple=True, default=("center", "half", "random80"))
@click.option("--variant", "variants", multiple=True, default=VARIANTS)
@click.option("--limit", default=64)
@click.option("--folds", default=4)
@click.option("--per-image", default=4)
@click.option("--batch", default=16)
@click.option("--lpips", "lpips_weight", default=8.0)
@click.option("--cache", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path))
def main(
    train: tuple[Path, ...],
    val: Path,
    prior: str,
    size: int,
    steps: int,
    parameters: int,
    masks: tuple[str, ...],
    variants: tuple[str, ...],
    limit: int,
    folds: int,
    per_image: int,
    batch: int,
    lpips_weight: float,
    cache: Path | None,
    out: Path | None,
) -> None:
    """Train each variant on TRAIN and measure it on VAL."""
    rows: dict[str, Any] = json.loads(out.read_text())["rows"] if out and out.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        place = cache or Path(scratch)
        images = data.load(list(train), size=size, cache=place)
        held_out = np.asarray(data.load([val], size=size, cache=place).pixels[:limit])
        config = read_config(registry.prior_folder(prior))
        pairs = fills.make(
            images, lambda: crossfit.priors(images, config, folds), count=folds, size=size,
            name=f"{config.get('sha256')} in {folds} folds", cache=place, per_image=per_image,
        )  # fmt: skip
        common = {"size": size, "batch": batch, "lpips": lpips_weight, "adversarial": 0.5,
                  "sharp_share": 0.375}  # fmt: skip

        def trained(
            name: str, wanted: float, last: int, before: refiner.Before | None = None
        ) -> nn.Module:
            cell = "attention" if name == "plain" else name
            o = sized(RefinerOptions(**common, cell=cell, plain=name == "plain"), wanted)
            with tempfile.TemporaryDirectory() as folder:
                plan = Plan(Path(folder), last, batch=batch)
                return refiner.train(pairs, o, plan, before=before)[0].eval()

        for name in variants:
            if name in rows:
                continue
            started, chain = time.process_time(), []
            if name == "both":
                first = trained("lstm", parameters / 2, steps // 2)
                second = trained("attention", parameters / 2, steps // 2, refiner.running(first))
                chain = [first, second]
            elif name != "none":
                chain = [trained(name, parameters, steps)]
            spent = time.process_time() - started
            known = registry.load_prior(prior)
            rows[name] = {
                "parameters": sum(map(count, chain)),
                "cpu_seconds": round(spent),
                **measured(chain, held_out, known, masks),
            }
            print(json.dumps({"variant": name, **rows[name]}), flush=True)
            if out:
                facts = {"commit": commit(), "steps": steps, "limit": limit, "prior": prior}
                out.write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")
    print(f"| variant | parameters | {' | '.join(masks)} |")
    print("|---|---|" + "---|" * len(masks))
    for name, row in rows.items():
        cells = [f"{row[m][0]:.2f} / {row[m][1]:.4f}" for m in masks]
        print(f"| {name} | {row['parameters']:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
