"""What counts when patches are compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """What counts beside the pixels, relative to a whole patch of pixels.

    texture : mean absolute gradients of the patch itself.
    structure : colour of the smooth fill around the patch.
    roughness : mean absolute gradients expected there; keeps smooth patches, from out of focus,
        out of rough surroundings.
    down, across : distance in the picture, in its longer side.
    """

    texture: float = 0.3
    structure: float = 0.75
    roughness: float = 0.5
    down: float = 0.5
    across: float = 0.3
