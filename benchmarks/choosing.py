"""How often ``--prior auto`` chooses the wrong family, whatever a file has gone through.

    python benchmarks/choosing.py FAMILY=FILE.tar... [--limit N] [--mask NAME]... [--loss]

For each treatment (sharpening, blur, JPEG, enlargement, grey, brightness, noise, framing) prints,
for each file, the share of pictures that did not go to FAMILY, and the processor time of a choice.
With ``--loss`` also by how many dB the hole of the chosen family's Gaussian is worse, on average
over all pictures, than that of the best one of each picture (in hindsight), and than that of the
one family that is best for the whole file. Wrong choices that cost nothing do not matter. The first
figure is above 0 even where no choice is wrong, because the best of three noisy values is found by
looking at the truth. The second is not, and is negative where the choice beats every single family.

    python benchmarks/choosing.py faces64=faces64-val.tar portraits=portraits128-val.tar \
        scenes64=scenes128-val.tar scenes64=photos256-val.tar --limit 120
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np

from inpaint.evaluate import data, protocols
from inpaint.pipeline.choose import choose_prior, families
from pretrain.guided import filled

MASKS = ("center", "half", "bucket:20-40", "bucket:60-70")
Treatment = Callable[[np.ndarray], np.ndarray]


def posed(turn: float = 0, scale: float = 1, shift: float = 0) -> Treatment:
    """Turned by degrees, scaled, moved by a share of the width."""

    def apply(x: np.ndarray) -> np.ndarray:
        h, w = x.shape[:2]
        matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), turn, scale)
        matrix[0, 2] += shift * w
        return cv2.warpAffine(
            x, matrix, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )

    return apply


def jpeg(quality: int) -> Treatment:
    def apply(x: np.ndarray) -> np.ndarray:
        coded = cv2.imencode(".jpg", x[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]

    return apply


def through(width: int, height: int, how: int) -> Treatment:
    """Brought to width x height and back."""

    def apply(x: np.ndarray) -> np.ndarray:
        small = cv2.resize(x, (width, height), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, x.shape[1::-1], interpolation=how)

    return apply


def curve(gain: float = 1, offset: float = 0, gamma: float = 1) -> Treatment:
    def apply(x: np.ndarray) -> np.ndarray:
        return np.clip(255 * (x / 255) ** gamma * gain + offset, 0, 255).astype(np.uint8)

    return apply


def noisy(x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(x + rng.normal(0, 12, x.shape), 0, 255).astype(np.uint8)


def sharpened(x: np.ndarray) -> np.ndarray:
    return cv2.addWeighted(x, 2, cv2.GaussianBlur(x, (0, 0), 1), -1, 0)


def blurred(x: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(x, (0, 0), 1.2 * max(x.shape) / 64)


def grey(x: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


TREATMENTS: dict[str, Treatment] = {
    "none": lambda x: x,
    "sharpened": sharpened,
    "blurred": blurred,
    "jpeg 40": jpeg(40),
    "jpeg 75": jpeg(75),
    "jpeg 95": jpeg(95),
    "48 px, nearest": through(48, 48, cv2.INTER_NEAREST),
    "48 px, bilinear": through(48, 48, cv2.INTER_LINEAR),
    "48 px, Lanczos": through(48, 48, cv2.INTER_LANCZOS4),
    "178x218, Lanczos": through(178, 218, cv2.INTER_LANCZOS4),
    "grey": grey,
    "brighter": curve(gain=1.25, offset=10),
    "darker": curve(gain=0.6),
    "gamma 0.6": curve(gamma=0.6),
    "gamma 1.6": curve(gamma=1.6),
    "noise 12": noisy,
    "mirrored": lambda x: x[:, ::-1],
    "moved 3/64": posed(shift=3 / 64),
    "turned 8": posed(turn=8),
    "scaled 0.9": posed(scale=0.9),
    "scaled 1.1": posed(scale=1.1),
}


def squared(x: np.ndarray, side: int = 512) -> np.ndarray:
    """The middle square, at most ``side`` pixels: both kinds of family are then asked."""
    n = min(x.shape[:2])
    y, c = ((s - n) // 2 for s in x.shape[:2])
    cut = np.ascontiguousarray(x[y : y + n, c : c + n])
    return cut if n <= side else cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)


def errors(x: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Hole PSNR of each family's Gaussian on a whole picture (H, W, 3) of uint8, in dB."""
    from inpaint.zoo import registry

    found = {}
    for family, kinds in families().items():
        guess = filled(registry.load_prior(kinds["gaussian"]), x[None], mask)[0]  # type: ignore[arg-type]
        error = np.square((guess.astype(float) - x)[mask] / 255).mean()
        found[family] = float(-10 * np.log10(max(error, 1e-10)))
    return found


@click.command()
@click.argument("sets", nargs=-1, required=True, metavar="FAMILY=FILE...")
@click.option("--limit", default=120, help="Only so many pictures of each file.")
@click.option("--mask", "masks", multiple=True, default=MASKS)
@click.option("--loss", is_flag=True, help="Also fill with every family: minutes.")
def main(sets: tuple[str, ...], limit: int, masks: tuple[str, ...], loss: bool) -> None:
    wanted = [one.partition("=")[::2] for one in sets]
    pictures = [
        [
            squared(x)
            for _, x in data.iter_images(Path(path), limit=limit)
            if not isinstance(x, Exception)
        ]
        for _, path in wanted
    ]
    click.echo(f"{'treatment':18}" + "".join(f"{Path(path).stem:>22}" for _, path in wanted))
    for name, treat in TREATMENTS.items():
        line = f"{name:18}"
        for (family, _), some in zip(wanted, pictures, strict=True):
            wrong, spent = 0, 0.0
            each: list[list[float]] = []  # PSNR of every family
            got: list[float] = []  # and of the chosen one
            # Pictures that share a mask follow each other, so that its factor is computed once.
            for i in sorted(range(len(some)), key=lambda i: i % (3 * len(masks))):
                picture = some[i]
                x = np.ascontiguousarray(treat(picture))
                mask = protocols.make(masks[i % len(masks)], x.shape[:2], seed=i // len(masks) % 3)
                started = time.process_time()
                chosen = choose_prior(x.astype(np.float32) / 255, mask)
                spent += time.process_time() - started
                taken = max(chosen.evidence, key=chosen.evidence.__getitem__)
                wrong += taken != family
                if loss:
                    psnr = errors(x, mask)
                    each.append(list(psnr.values()))
                    got.append(psnr[taken])
            cell = f"{100 * wrong / len(some):.1f} %"
            if loss:
                hindsight, single = np.max(each, 1).mean(), np.mean(each, 0).max()
                cell += f" {hindsight - np.mean(got):.2f} {single - np.mean(got):+.2f} dB"
            else:
                cell += f" {1e3 * spent / len(some):.0f} ms"
            line += f"{cell:>22}"
        click.echo(line)


if __name__ == "__main__":
    main()
