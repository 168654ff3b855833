"""What the page can offer: priors, stages, limits."""

from __future__ import annotations

from typing import Any

from inpaint import __version__
from inpaint.stages.chain import MODES
from inpaint.web.options import MOST_CANDIDATES
from inpaint.web.settings import Settings
from inpaint.web.shown import LARGEST
from inpaint.zoo import registry

FORMATS = ("png", "jpg", "webp", "tiff", "bmp")


def about(settings: Settings) -> dict[str, Any]:
    """Names that a request may use, with a line about each, and what it must keep to."""
    configs = registry.shipped()
    for name, folder in settings.own_priors.items():
        configs[name] = registry.prior_config(folder)
    priors = [
        {
            "name": name,
            "kind": configs[name]["kind"],
            "size": configs[name]["size"],
            "about": str(configs[name].get("data", "")),
            "classes": list(configs[name].get("classes") or ()),
            "whole": configs[name].get("view") == "whole",
        }
        for name in settings.priors
    ]
    stages = [
        {"name": name, "about": registry.about(name).partition("\n")[0]}
        for name in registry.stages()
    ]
    return {
        "version": __version__,
        "priors": priors,
        "modes": list(MODES),
        "stages": stages,
        "formats": list(FORMATS),
        "limits": {
            "bytes": settings.max_bytes,
            "pixels": settings.max_pixels,
            "candidates": MOST_CANDIDATES,
            "side": LARGEST,
            "idle": settings.idle,
        },
    }
