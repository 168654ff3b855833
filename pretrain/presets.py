"""How long to train: option values by command, for people who do not want to choose each.

``quick`` shows within minutes whether the data and the command are right; ``good`` takes an hour or
two on one processor core and is what most shipped networks are; ``best`` takes a night, and pays
from some 10,000 images on. docs/pretrain.md has the figures that this was measured by.
"""

from __future__ import annotations

from typing import Any

NAMES = ("quick", "good", "best")
OF: dict[str, dict[str, dict[str, Any]]] = {
    "gan": {
        "quick": {
            "steps": 2500, "width": 32, "critic_width": 32, "batch": 32,
            "loss": "r3", "beta1": 0.0, "ema": 0.995,
        },
        "good": {
            "steps": 10_000, "width": 40, "critic_width": 40, "batch": 32,
            "loss": "r3", "beta1": 0.0, "ema": 0.9995, "codes": "4,2",
        },
        "best": {
            "steps": 60_000, "width": 64, "critic_width": 64, "batch": 32,
            "loss": "r3", "beta1": 0.0, "ema": 0.9998, "codes": "4,2",
        },
    },
    "vae": {
        "quick": {"steps": 800, "width": 24, "warmup": 200, "ema": 0.99},
        "good": {"steps": 4000, "width": 32, "warmup": 1000, "ema": 0.999},
        "best": {"steps": 25_000, "width": 48, "warmup": 2000, "ema": 0.9995},
    },
    "encoder": {
        "quick": {"steps": 300, "ema": 0.98},
        "good": {"steps": 2000, "ema": 0.995},
        "best": {"steps": 10_000, "width": 48, "ema": 0.999},
    },
    "refiner": {
        "quick": {"steps": 1000, "width": 24, "per_image": 1, "ema": 0.99},
        "good": {
            "steps": 6000, "width": 48, "per_image": 2, "lpips": 8.0, "adversarial": 0.5,
            "sharp_share": 0.375,
        },
        "best": {
            "steps": 20_000, "width": 48, "per_image": 4, "lpips": 8.0, "adversarial": 0.5,
            "sharp_share": 0.375, "ema": 0.999,
        },
    },
    "completion": {
        "quick": {"steps": 1200, "per_image": 1, "ema": 0.99},
        "good": {"steps": 10_000, "per_image": 4, "ema": 0.998},
        "best": {"steps": 50_000, "per_image": 6, "ema": 0.999},
    },
}  # fmt: skip
