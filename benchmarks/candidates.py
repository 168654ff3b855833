"""How different the candidates of one fill are: mean LPIPS between them on center masks.

    python benchmarks/candidates.py VAL.tar [--limit 16] [--candidates 4] [--prior auto]

A figure of .02 is seen at once on a face; below .01 the fills look alike.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import click
import numpy as np

from inpaint import images
from inpaint.evaluate import data, protocols
from inpaint.evaluate.lpips import cached, to_tensor
from inpaint.pipeline import complete


@click.command()
@click.argument("val", type=click.Path(path_type=Path))
@click.option("--limit", default=16, show_default=True)
@click.option("--candidates", default=4, show_default=True)
@click.option("--prior", default="auto", show_default=True)
def main(val: Path, limit: int, candidates: int, prior: str) -> None:
    network, distances = cached(), []
    for _, truth in data.iter_images(val, limit=limit):
        if not isinstance(truth, np.ndarray):
            continue
        mask = protocols.make("center", truth.shape[:2])
        erased = np.where(mask[..., None], 0, truth)
        made = complete(images.from_array(erased), mask, prior=prior, candidates=candidates)
        fills = [to_tensor(images.to_array(p)) for p in made.pictures]
        pairs = [float(network.distance(a, b)) for a, b in combinations(fills, 2)]
        distances.append(float(np.mean(pairs)))
    print(f"{len(distances)} images, {candidates} candidates of {prior}")
    print(f"mean LPIPS between candidates {np.mean(distances):.4f}, least {np.min(distances):.4f}")


if __name__ == "__main__":
    main()
