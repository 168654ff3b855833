"""Writes the measured figures of a prior where people and programs look for them.

They go into ``config.json`` under ``measured``, and into the model card as a block between two
comments. The config holds them because they belong to its weights: a new training writes a new
config, so that the figures of older weights cannot be left in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from inpaint.errors import OutputError, reason, remedy
from inpaint.system import files
from inpaint.zoo.weights import CONFIG, read_config

CARD = "MODEL_CARD.md"
BEGIN = "<!-- written by pretrain score: begin -->"
END = "<!-- written by pretrain score: end -->"


def record(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``facts`` into the config and the card of ``folder``; doing so twice changes nothing.

    Raises WeightsError when there is no config, OutputError when a card's block is torn or a file
    cannot be written.
    """
    config = {**read_config(folder), "measured": dict(facts)}
    path = folder / CARD
    try:
        old = files.read_text(path) if path.exists() else f"# {folder.name}\n"
        text = updated(old, block(facts))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise OutputError(f"{path}: {error}; repair or delete the block and run again") from error
    replace(path, text.encode())
    replace(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def block(facts: Mapping[str, Any]) -> str:
    """The figures as lines of a card, with the comments around them."""
    return "\n".join([BEGIN, *(f"- **{name}**: {text}" for name, text in lines(facts)), END])


def lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured, as (name, text) for readers."""
    ceiling, kid = facts["ceiling"], facts["kid"]
    data = f"{facts['held_out']['images']} held-out images ({', '.join(facts['held_out']['data'])})"
    found = [
        ("Measured", f"by `pretrain score` on {data}"),
        (
            "Ceiling",
            f"{ceiling['psnr']:.2f} dB PSNR with every pixel known, standard deviation "
            f"{ceiling['std']:.2f} over {ceiling['images']} images",
        ),
        ("KID (AlexNet)", f"{_kid(kid)} ({kid['images']} samples){_floor(facts)}"),
    ]
    if "memory" in facts:
        memory = facts["memory"]
        verdict = "more than chance allows: it copies" if memory["copied"] else "no copying seen"
        found.append(
            (
                "Memory",
                f"nearest of {memory['train']} training images at RMSE {memory['samples']:.3f} "
                f"(held-out images: {memory['held_out']:.3f}); it stands out in "
                f"{100 * memory['share']:.1f} % of samples (5 % expected, limit "
                f"{100 * memory['limit']:.1f} %): {verdict}",
            )
        )
    return found


def updated(text: str, new: str) -> str:
    """Return ``text`` with its block replaced by ``new``, or with ``new`` at its end.

    Raises ValueError unless the two comments are there once each, in order, or not at all.
    """
    counts = text.count(BEGIN), text.count(END)
    if counts == (0, 0):
        return f"{text.rstrip()}\n\n{new}\n"
    if counts != (1, 1) or text.index(BEGIN) > text.index(END):
        raise ValueError("the comments around the figures are not a pair")
    before, rest = text.split(BEGIN)
    return before + new + rest.split(END)[1]


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and make its folder; OutputError if that fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        advice = remedy(error, "free some space or name another --out")
        raise OutputError(f"{path}: not written ({reason(error)}); {advice}") from error


def _kid(kid: Mapping[str, Any]) -> str:
    return f"{kid['mean']:.2f} ± {kid['std']:.2f}"


def _floor(facts: Mapping[str, Any]) -> str:
    floor = facts.get("kid_floor")
    return f"; as many real training images: {_kid(floor)}" if floor else ""
