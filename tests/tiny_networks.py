"""Tiny ONNX networks for inpainting, of the two common signatures, and some that lie.

They fill a hole with the mean of the known pixels near it, mean(x * known) / mean(known) over a
window, and far from any known pixel with the mean of all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FLOAT, BYTE = TensorProto.FLOAT, TensorProto.UINT8
WINDOW = 9


def _constant(name: str, value: Any, kind: type = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(value, kind), name)


def _filling(white: float) -> list[Any]:
    """From ``x`` (1, 3, H, W) in [0, white] and ``known`` (1, 1, H, W) of 0 and 1 to ``drawn``."""
    pad = WINDOW // 2
    window = {"kernel_shape": [WINDOW] * 2, "pads": [pad] * 4, "count_include_pad": 1}
    steps = [
        ("Mul", ["x", "known"], "seen", {}),
        ("AveragePool", ["seen"], "near", window),
        ("AveragePool", ["known"], "share", window),
        ("GlobalAveragePool", ["seen"], "all", {}),
        ("GlobalAveragePool", ["known"], "all_share", {}),
        ("Mul", ["all", "tiny"], "all_weak", {}),
        ("Mul", ["all_share", "tiny"], "all_share_weak", {}),
        ("Add", ["near", "all_weak"], "above", {}),
        ("Add", ["share", "all_share_weak"], "weight", {}),
        ("Add", ["weight", "least"], "below", {}),
        ("Div", ["above", "below"], "guess", {}),
        ("Sub", ["one", "known"], "hole", {}),
        ("Mul", ["guess", "hole"], "invented", {}),
        ("Add", ["seen", "invented"], "whole", {}),
        ("Mul", ["whole", "white"], "drawn", {}),
    ]
    return [helper.make_node(op, take, [give], **more) for op, take, give, more in steps]


def _written(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], white: float
) -> Path:
    held = [_constant("tiny", 1e-4), _constant("least", 1e-12), _constant("one", 1.0)]
    held += [_constant("white", white)]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, held)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))
    return path


def lama(
    path: Path,
    *,
    size: int | None = 32,
    white: float = 255.0,
    names: tuple[str, str, str] = ("image", "mask", "output"),
    hole: float = 1.0,
    image: tuple[Any, ...] | None = None,
    mask: tuple[Any, ...] | None = None,
) -> Path:
    """Floats: image in [0, 1], mask ``hole`` in the hole and 1 - hole elsewhere, output in
    [0, white]."""
    side: Any = size or "side"
    nodes = [
        helper.make_node("Identity", [names[0]], ["x"]),
        helper.make_node("Sub", ["one", names[1]], ["known"])
        if hole == 1
        else helper.make_node("Identity", [names[1]], ["known"]),
        *_filling(white),
        helper.make_node("Identity", ["drawn"], [names[2]]),
    ]
    taken = [
        helper.make_tensor_value_info(names[0], FLOAT, image or (1, 3, side, side)),
        helper.make_tensor_value_info(names[1], FLOAT, mask or (1, 1, side, side)),
    ]
    shape = image if image and image[1] == 3 else (1, 3, side, side)
    given = [helper.make_tensor_value_info(names[2], FLOAT, shape)]
    return _written(path, nodes, taken, given, white)


def migan(path: Path) -> Path:
    """Bytes of any size: image, and mask 255 where the picture is known; ``result`` in bytes."""
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=FLOAT),
        helper.make_node("Cast", ["mask"], ["mask_float"], to=FLOAT),
        helper.make_node("Div", ["mask_float", "most"], ["known"]),
        *_filling(1.0),
        helper.make_node("Round", ["drawn"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["result"], to=BYTE),
    ]
    taken = [
        helper.make_tensor_value_info("image", BYTE, ("batch", 3, "height", "width")),
        helper.make_tensor_value_info("mask", BYTE, ("batch", 1, "height", "width")),
    ]
    given = [helper.make_tensor_value_info("result", BYTE, ("batch", 3, "height", "width"))]
    nodes.insert(0, helper.make_node("Constant", [], ["most"], value=_constant("", 255.0)))
    return _written(path, nodes, taken, given, 1.0)


def lying(path: Path, how: str) -> Path:
    """A network with sound inputs whose output is not what it says: ``how`` names the lie."""
    ends = {
        "smaller": [helper.make_node("AveragePool", ["x"], ["output"], kernel_shape=[2, 2])],
        "nan": [
            helper.make_node("Sub", ["x", "x"], ["zero"]),
            helper.make_node("Div", ["zero", "zero"], ["output"]),
        ],
        "huge": [
            helper.make_node("Constant", [], ["many"], value=_constant("", 1e6)),
            helper.make_node("Mul", ["x", "many"], ["output"]),
        ],
        "dark": [helper.make_node("Sub", ["x", "x"], ["output"])],
        "breaks": [
            helper.make_node(
                "Constant", [], ["shape"], value=_constant("", [1, 3, 7, 7], np.int64)
            ),
            helper.make_node("Reshape", ["x", "shape"], ["output"]),
        ],
    }
    nodes = [
        helper.make_node("Identity", ["image"], ["x"]),
        helper.make_node("Identity", ["mask"], ["unused"]),
        *ends[how],
    ]
    taken = [
        helper.make_tensor_value_info("image", FLOAT, (1, 3, "h", "w")),
        helper.make_tensor_value_info("mask", FLOAT, (1, 1, "h", "w")),
    ]
    given = [helper.make_tensor_value_info("output", FLOAT, (1, 3, "h", "w"))]
    return _written(path, nodes, taken, given, 1.0)
