"""The floor and the first weights on aligned faces: PSNR, SSIM, LPIPS by method and mask.

    python benchmarks/faces64.py VAL.tar [--train TRAIN.tar] [--limit 128] [--method NAME]...
                                 [--out FILE.json]

Masks as in the table this is compared with: the middle 32x32, the right half, and 80 % random
pixels drawn once with default_rng(0) for the whole set. The hole is erased before any method sees
the image. With ``--train`` the row ``full-gaussian`` is added: the conditional mean under the
whole covariance of the training images and their mirror images plus 3e-3, no components dropped.
Finished rows are kept in ``--out``, so that a run that was cut off goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from provenance import commit

from inpaint import images
from inpaint.evaluate import data, metrics
from inpaint.pipeline import classical, complete
from inpaint.search import REFERENCE, search
from inpaint.zoo import registry

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (N, 64, 64, 3) uint8, (64, 64) -> filled
COLUMNS = ("psnr_hole", "psnr", "ssim", "lpips")
METHODS = (
    "full-gaussian", "faces64-gaussian:plain", "faces64-gaussian", "faces64-vae", "faces64-dcgan",
    "auto", "auto:psnr", "reference", "telea", "ns", "biharmonic",
)  # fmt: skip


def protocol() -> dict[str, np.ndarray]:
    """The three masks (64, 64), True = hole."""
    center, half = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    center[16:48, 16:48] = True
    half[:, 32:] = True
    return {
        "center": center,
        "half": half,
        "random80": np.random.default_rng(0).random((64, 64)) < 0.8,
    }


def one_by_one(fill: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Fill:
    return lambda batch, mask: np.stack([fill(image, mask) for image in batch])


def by_prior(name: str, **options: Any) -> Fill:
    def fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        result = complete(images.from_array(image), mask, prior=name, **options)
        return result.pictures[0].pixels

    return one_by_one(fill)


def reference(batch: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Yeh et al.'s settings on our DCGAN, 32 images at a time, then the Poisson blend."""
    from inpaint.stages.patch import Patch
    from inpaint.stages.poisson import apply

    prior = registry.load_prior("faces64-dcgan")
    filled = []
    for start in range(0, len(batch), 32):
        chunk = batch[start : start + 32]
        x = torch.from_numpy(chunk.astype(np.float32) / 255).permute(0, 3, 1, 2)
        hole = torch.from_numpy(mask).expand(len(chunk), -1, -1)
        found = search(prior, x, hole, seeds=range(start, start + len(chunk)), **REFERENCE)
        for image, guide in zip(chunk, found.x[:, 0].permute(0, 2, 3, 1).numpy(), strict=True):
            known = image.astype(np.float32) / 255
            rough = np.where(mask[..., None], guide, known)
            blended = apply(Patch(known, mask, rough, guide)).filled
            filled.append(np.where(mask[..., None], (blended * 255).round(), image))
    return np.stack(filled).astype(np.uint8)


def full_gaussian(train: Path) -> Fill:
    """x_u = mu_u + C_uk C_kk^-1 (x_k - mu_k) with the full covariance C + 3e-3 I."""
    faces = np.stack([image for _, image in data.iter_images(train)])
    mean = np.zeros(64 * 64 * 3, np.float64)
    C = np.zeros((mean.size, mean.size), np.float32)
    for start in range(0, len(faces), 512):
        x = faces[start : start + 512].astype(np.float32) / 255
        for view in (x, x[:, :, ::-1]):
            flat = view.reshape(len(x), -1)
            mean += flat.sum(0)
            C += flat.T @ flat
    mean /= 2 * len(faces)
    C /= 2 * len(faces)
    C -= np.outer(mean, mean).astype(np.float32)
    C[np.diag_indices_from(C)] += 3e-3

    def fill(batch: np.ndarray, mask: np.ndarray) -> np.ndarray:
        hole = np.repeat(mask.reshape(-1), 3)
        x = batch.reshape(len(batch), -1) / 255
        weights = torch.cholesky_solve(
            torch.from_numpy((x[:, ~hole] - mean[~hole]).T),
            torch.linalg.cholesky(torch.from_numpy(C[np.ix_(~hole, ~hole)]).double()),
        )
        x[:, hole] = (C[np.ix_(hole, ~hole)].astype(np.float64) @ weights.numpy()).T + mean[hole]
        return (x.clip(0, 1) * 255).round().astype(np.uint8).reshape(batch.shape)

    return fill


def method(name: str, train: Path | None) -> Fill | None:
    if name == "full-gaussian":
        return full_gaussian(train) if train else None
    if name == "reference":
        return reference
    if name in classical.BASELINES:
        return one_by_one(lambda image, mask: classical.baseline(name, image, mask))
    prior, _, how = name.partition(":")
    if prior == "auto":  # as a user gets it, in either mode
        return by_prior(prior, mode=how or "sharp")
    return by_prior(prior, stages=() if how else ("poisson",))


def rows(
    faces: np.ndarray, names: tuple[str, ...], train: Path | None, done: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for name in names:
        fill: Fill | None = None
        for protocol_name, mask in protocol().items():
            key = f"{name} {protocol_name}"
            if key in done:
                yield done[key]
                continue
            fill = fill or method(name, train)
            if fill is None:
                continue
            erased = faces.copy()
            erased[:, mask] = 0
            started = time.perf_counter()
            filled = fill(erased, mask)
            seconds = (time.perf_counter() - started) / len(faces)
            measured = [metrics.measure(t, f, mask) for t, f in zip(faces, filled, strict=True)]
            means = {c: float(np.mean([m[c] for m in measured])) for c in COLUMNS}
            yield {"key": key, "n": len(faces), **means, "seconds": seconds}


@click.command()
@click.argument("val", type=click.Path(path_type=Path))
@click.option("--train", type=click.Path(path_type=Path))
@click.option("--limit", default=128, show_default=True)
@click.option("--method", "names", multiple=True, default=METHODS)
@click.option("--out", type=click.Path(path_type=Path))
def main(
    val: Path, train: Path | None, limit: int, names: tuple[str, ...], out: Path | None
) -> None:
    faces = np.stack([image for _, image in data.iter_images(val, limit=limit)])
    done = {}
    if out and out.exists():
        done = {r["key"]: r for r in json.loads(out.read_text())["rows"] if r["n"] == len(faces)}
    print(f"{len(faces)} images, {torch.get_num_threads()} threads")
    print(
        f"{'method':26}{'mask':10}{'hole PSNR':>10}{'PSNR':>8}{'SSIM':>8}{'LPIPS':>8}{'s/image':>9}"
    )
    for row in rows(faces, names, train, done):
        done[row["key"]] = row
        name, mask = row["key"].split(" ")
        figures = f"{row['psnr_hole']:10.2f}{row['psnr']:10.2f}{row['ssim']:10.3f}"
        figures += f"{row['lpips']:10.4f}{row['seconds']:10.3f}"
        print(f"{name:26}{mask:10}{figures}", flush=True)
        if out:
            facts = {"commit": commit(), "torch": torch.__version__, "numpy": np.__version__}
            out.write_text(json.dumps({**facts, "rows": list(done.values())}, indent=1))


if __name__ == "__main__":
    main()
