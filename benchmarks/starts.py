"""What an amortised start saves: the same search from the prior's own start and from E's guess.

    python benchmarks/starts.py PRIOR WITH_START VAL.tar [--mask center] [--limit 16] [--steps 20]

PRIOR and WITH_START are names or folders of the same weights, the second after
``pretrain encoder``. Prints the known pixels' loss (contextual, of the best restart) and the
PSNR of the hole, before the first step and after the last, as medians over the images.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch

from inpaint.evaluate import data, protocols
from inpaint.pipeline.seeds import seed_for
from inpaint.search import search
from inpaint.zoo import registry


@click.command()
@click.argument("names", nargs=2, metavar="PRIOR WITH_START")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--mask", "protocol", default="center", show_default=True)
@click.option("--limit", default=16, show_default=True)
@click.option("--steps", default=20, show_default=True)
@click.option("--restarts", default=4, show_default=True)
def main(
    names: tuple[str, str], source: Path, protocol: str, limit: int, steps: int, restarts: int
) -> None:
    for name in names:
        prior = registry.load_prior(name)
        side = prior.size
        seen = list(data.iter_images(source, limit=limit))
        pixels = np.stack([cv2.resize(x, (side, side), interpolation=3) for _, x in seen])
        image = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        holes = [protocols.make(protocol, (side, side), seed_for(n)) for n, _ in seen]
        mask = torch.from_numpy(np.stack(holes))
        options: dict[str, Any] = {**prior.search_defaults, "restarts": restarts}
        facts: dict[str, Any] = {"prior": name, "mask": protocol, "images": len(image)}
        started = time.process_time()
        for count in (0, steps):
            found = search(
                prior, image, mask, seeds=range(len(image)), **options | {"steps": count}
            )
            loss, x = found.contextual[:, 0], found.x[:, 0]
            square = ((x - image).square() * mask[:, None]).sum((1, 2, 3)) / mask.sum((1, 2)) / 3
            facts[f"contextual_{count}"] = round(float(loss.median()), 4)
            facts[f"hole_psnr_{count}"] = round(float((-10 * square.log10()).median()), 2)
        facts["cpu_seconds"] = round(time.process_time() - started, 1)
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
