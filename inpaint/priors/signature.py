"""What a network for inpainting takes and gives: names, sizes, types and ranges of its tensors.

Two signatures are known by themselves. An export of LaMa takes floats, the image in [0, 1] and a
mask that is 1 in the hole. The pipeline of MI-GAN takes bytes, and a mask that is 255 where the
picture is known. What differs from both is told by the JSON file beside the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaint.errors import WeightsError

# Side of the view where neither the network nor its JSON file names one.
USUAL = 512
SMALLEST, LARGEST = 16, 4096
FLOATS = {"float": "float32", "float16": "float16", "double": "float64"}
INTEGERS = {"uint8": "uint8", "int32": "int32", "int64": "int64"}
TYPES = {**FLOATS, **INTEGERS, "bool": "bool"}


@dataclass(frozen=True)
class Port:
    """An input or output as the network declares it.

    ``kind`` is an element type such as ``float`` or ``uint8``; ``shape`` holds a number for each
    side that is fixed, and None for each that is free.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name!r} {self.kind} ({sides})"

    @property
    def channels(self) -> int | None:
        """Number of channels, None where it is free or the shape is not that of pictures."""
        return self.shape[1] if len(self.shape) == 4 else None


@dataclass(frozen=True)
class Signature:
    """How to feed a network and how to read it.

    Attributes
    ----------
    image, mask, output : str
        Names of the two inputs and of the output.
    size : int
        Side S of the square that the network is given.
    image_type, mask_type : str
        NumPy's names of the element types.
    image_range, output_range : (float, float) or None
        The values of black and white. None: floats in [0, 1] or in [0, 255], which their values
        tell.
    mask_hole, mask_known : float
        The mask's values in the hole and where the picture is known.
    """

    image: str
    mask: str
    output: str
    size: int
    image_type: str
    mask_type: str
    image_range: tuple[float, float]
    output_range: tuple[float, float] | None
    mask_hole: float
    mask_known: float


def recognise(
    path: Path, inputs: Sequence[Port], outputs: Sequence[Port], told: Mapping[str, Any]
) -> Signature:
    """The signature of a network from what it declares and what its JSON file has ``told``.

    Parameters
    ----------
    path : Path
        The network's file, to name it.
    inputs, outputs : sequence of Port
        As the network declares them: pictures are (1, 3, H, W), masks (1, 1, H, W).
    told : mapping
        What ``inpaint.zoo.networks.overrides`` read.

    Raises
    ------
    WeightsError
        These are not the inputs and outputs of a network for inpainting, or contradict ``told``.
    """
    image = _chosen(path, "image", 3, inputs, told)
    mask = _chosen(path, "mask", 1, inputs, told)
    if len(inputs) != 2:
        raise WeightsError(
            f"{path}: has the inputs {_listed(inputs)}; expected two, an image and its mask"
        )
    output = _chosen(path, "output", 3, outputs, told)
    for port in (image, mask):
        if port.kind not in TYPES:
            raise WeightsError(
                f"{path}: the input {port} has a type that is not supported; expected one of "
                f"{', '.join(TYPES)}"
            )
    hole, known = _values(mask)
    return Signature(
        image=image.name,
        mask=mask.name,
        output=output.name,
        size=_size(path, (image, mask), told),
        image_type=TYPES[image.kind],
        mask_type=TYPES[mask.kind],
        image_range=_range(told.get("image_range")) or _usual_range(image),
        output_range=_range(told.get("output_range"))
        or (None if output.kind in FLOATS else (0.0, 255.0)),
        mask_hole=float(told.get("mask_hole", hole)),
        mask_known=float(told.get("mask_known", known)),
    )


def _values(mask: Port) -> tuple[float, float]:
    """The usual values of a mask in the hole and outside: LaMa's of floats, MI-GAN's of bytes."""
    return (0.0, 255.0) if mask.kind in INTEGERS else (1.0, 0.0)


def _usual_range(image: Port) -> tuple[float, float]:
    return (0.0, 1.0) if image.kind in FLOATS else (0.0, 255.0)


def _range(value: Any) -> tuple[float, float] | None:
    return (float(value[0]), float(value[1])) if value else None


def _listed(ports: Sequence[Port]) -> str:
    return " and ".join(map(str, ports)) or "none"


def _chosen(
    path: Path, what: str, channels: int, ports: Sequence[Port], told: Mapping[str, Any]
) -> Port:
    """The port that was named, or the one with so many channels; names decide where they may."""
    if what in told:
        for port in ports:
            if port.name == told[what]:
                return port
        raise WeightsError(
            f"{path}: has no {what} {told[what]!r}, which its JSON file names; it has "
            f"{_listed(ports)}"
        )
    fitting = [port for port in ports if len(port.shape) == 4 and port.channels == channels]
    free = [port for port in ports if port.channels is None and len(port.shape) in (0, 4)]
    if not fitting:
        # Sides that are free tell nothing, so that the word "mask" in a name decides.
        fitting = [p for p in free if ("mask" in p.name.lower()) == (what == "mask")]
    if len(fitting) != 1:
        raise WeightsError(
            f"{path}: has {_listed(ports)}; expected one {what} (1, {channels}, H, W); name it in "
            f'{path.with_suffix(".json").name}, as in {{"{what}": "NAME"}}'
        )
    return fitting[0]


def _size(path: Path, ports: Sequence[Port], told: Mapping[str, Any]) -> int:
    """The side of the view: what the network fixes, else what it was told, else the usual one."""
    for port in ports:
        if len(port.shape) == 4 and port.shape[0] not in (None, 1):
            raise WeightsError(
                f"{path}: takes {port.shape[0]} pictures at once ({port}); export it for one"
            )
    fixed = {side for port in ports for side in port.shape[2:] if side is not None}
    if len(fixed) > 1:
        raise WeightsError(
            f"{path}: has the inputs {_listed(ports)}; expected squares of one size; export it "
            "for those"
        )
    size = int(told.get("size", next(iter(fixed), USUAL)))
    if fixed and size not in fixed:
        raise WeightsError(f"{path}: takes {fixed.pop()} px, its JSON file says {size}; correct it")
    if not SMALLEST <= size <= LARGEST:
        raise WeightsError(
            f"{path}: a size of {size} px; expected {SMALLEST} to {LARGEST}; export it for those"
        )
    return size
