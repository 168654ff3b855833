"""Whether fills repeat themselves: echoes of one edge at a fixed step, as copies make them.

    python benchmarks/repetition.py PHOTOS.tar MASKS.tar [--photos 24] [--method auto]...

Each photo gets a hole of an object's shape and 3-10 % of the area. ``peak`` is the highest
correlation of the high-passed hole (without what a Gaussian of 3 pixels leaves) with itself moved
by at least 6 pixels, where at least a third of the hole lies on the hole. The photo's own pixels in
the same hole are the row ``photo``; ``above`` is the share of the photos where a fill's peak is
more than 0.1 above that. ``calm`` are the means over the half of the photos with the least
gradients beside the hole, which are skies and other smooth regions.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from removal import available, place

from inpaint.evaluate import data

FINE, NEAR, OVERLAP = 3.0, 6, 1 / 3
AREA = (0.03, 0.10)


def peak(image: np.ndarray, mask: np.ndarray) -> float:
    """The strongest echo inside a hole (H, W) of an image (H, W, 3) of uint8, from -1 to 1."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    high = grey - cv2.GaussianBlur(grey, (0, 0), FINE)
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    inside = mask[y : y + h, x : x + w].astype(np.float64)
    part = high[y : y + h, x : x + w] * inside
    shape = 2 * h, 2 * w
    f, m = np.fft.rfft2(part, shape), np.fft.rfft2(inside, shape)
    s = np.fft.rfft2(part**2, shape)
    both, overlap, energy = (
        np.fft.irfft2(a * b.conj(), shape) for a, b in ((f, f), (m, m), (s, m))
    )
    # The energies of the two parts that lie on each other; the second is that of the move back.
    back = np.roll(energy[::-1, ::-1], (1, 1), (0, 1))
    correlation = both / np.sqrt(np.maximum(energy * back, 1e-6))
    dy, dx = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij")
    looked = (np.hypot(dy, dx) >= NEAR) & (overlap > OVERLAP * inside.sum())
    return float(correlation[looked].max(initial=0.0))


def roughness(image: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute gradient of the known pixels within 12 pixels of a hole."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    beside = cv2.dilate(mask.view(np.uint8), np.ones((25, 25), np.uint8)) > mask
    return float(sum(np.abs(cv2.Sobel(grey, -1, *d))[beside].mean() for d in ((1, 0), (0, 1))))


@click.command(help=__doc__.partition("\n\n")[0])
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.argument("silhouettes", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", "count", default=24, show_default=True, type=click.IntRange(2))
@click.option("--method", "names", multiple=True, default=("auto", "patchmatch"), show_default=True)
def main(photos: Path, silhouettes: Path, count: int, names: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    shapes = [s[..., 0] for _, s in data.iter_images(silhouettes) if isinstance(s, np.ndarray)]
    methods = available(names)
    for method in methods:
        method.prepare()
    peaks: dict[str, list[float]] = {"photo": [], **{method.label: [] for method in methods}}
    rough: list[float] = []
    for name, image in islice(data.iter_images(photos), count):
        if not isinstance(image, np.ndarray):
            continue
        mask = place(shapes, image.shape[:2], np.random.default_rng([0, *name.encode()]), area=AREA)
        rough.append(roughness(image, mask))
        peaks["photo"].append(peak(image, mask))
        erased = np.where(mask[..., None], np.uint8(0), image)
        for method in methods:
            peaks[method.label].append(peak(method(erased, mask, 0, case=name), mask))
    calm = np.array(rough) <= np.median(rough)
    own = np.array(peaks["photo"])
    for label, values in peaks.items():
        found = np.array(values)
        facts = {"method": label, "photos": len(found), "peak": round(float(found.mean()), 3)}
        facts |= {"above": round(float((found > own + 0.1).mean()), 3)}
        facts |= {"calm": round(float(found[calm].mean()), 3)}
        facts |= {"calm_above": round(float((found > own + 0.1)[calm].mean()), 3)}
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
