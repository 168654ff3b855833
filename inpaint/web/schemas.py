"""The schemas of the OpenAPI description: what bodies and answers hold."""

from __future__ import annotations

from typing import Any

from inpaint.stages.chain import MODES
from inpaint.web.options import MOST_CANDIDATES, MOST_STEPS
from inpaint.web.settings import Settings
from inpaint.zoo import registry

Json = dict[str, Any]


def option_fields(settings: Settings) -> Json:
    """What a request may choose about a fill, as ``options.parse`` checks it."""
    return {
        "prior": {"enum": ["auto", *settings.priors], "default": "auto"},
        "class": {"type": "string", "description": "Of a class-conditional prior."},
        "mode": {"enum": list(MODES), "default": MODES[0]},
        "stages": {
            "type": "array",
            "items": {"enum": ["auto", "none", *registry.stages()]},
            "default": ["auto"],
        },
        "candidates": {"type": "integer", "minimum": 1, "maximum": MOST_CANDIDATES, "default": 1},
        "faces": {
            "type": "boolean",
            "default": True,
            "description": "Look for faces that the hole touches, and fill them as faces.",
        },
        "steps": {"type": "integer", "minimum": 0, "maximum": MOST_STEPS},
        "seed": {"type": "integer", "minimum": 0, "default": 0},
    }


def schemas(settings: Settings) -> Json:
    """The named schemas."""
    number, whole, flag = {"type": "number"}, {"type": "integer"}, {"type": "boolean"}
    box = {"type": "array", "items": number, "minItems": 4, "maxItems": 4}
    pair = {"type": "array", "items": whole, "minItems": 2, "maxItems": 2}
    stack = {"type": "array", "items": pair, "default": [], "description": "[fill, candidate]s."}
    nullable_options = {
        name: {"anyOf": [schema, {"type": "null"}]}
        for name, schema in option_fields(settings).items()
    }
    shape = object_of(
        {
            "kind": {"enum": ["stroke", "box", "region"]},
            "erase": flag,
            "points": {"type": "array", "items": {"type": "array", "items": number}},
            "size": {**number, "description": "Of a stroke: its width in pixels."},
            "box": box,
            "counts": {"type": "string", "description": "Of a region: COCO run lengths."},
        },
        required=["kind"],
    )
    photo = {
        "key": text(),
        "width": whole,
        "height": whole,
        "format": {"enum": ["PNG", "JPEG", "WEBP", "TIFF", "BMP"]},
        "bits": {"enum": [8, 16]},
        "alpha": flag,
        "lossless": flag,
    }
    place = object_of(dict.fromkeys("xywh", whole), required=list("xywh"))
    named = object_of({"name": text(), "about": text()}, required=["name", "about"])
    return {
        "Error": object_of({"status": whole, "error": text()}, required=["status", "error"]),
        "Photo": object_of(photo, required=list(photo)),
        "Extended": object_of(
            {**photo, "added": ref("Snapped")}, required=[*photo, "added"]
        ),
        "ExtendRequest": object_of(
            {
                "margins": {
                    "type": "array",
                    "items": {**whole, "minimum": 0},
                    "minItems": 4,
                    "maxItems": 4,
                    "description": "Pixels on the left, at the top, on the right, at the bottom.",
                },
                "stack": stack,
            },
            required=["margins"],
        ),
        "Options": object_of(nullable_options),
        "Shape": shape,
        "FillRequest": object_of(
            {
                "shapes": {"type": "array", "items": ref("Shape")},
                "stack": stack,
                "options": ref("Options"),
                "edge": {
                    "type": "boolean",
                    "description": "Widen strokes and boxes by the blur of the edge around them.",
                },
                "first": {
                    **whole,
                    "minimum": 0,
                    "description": "Leave out the candidates before this one.",
                },
            },
            required=["shapes"],
        ),
        "MaskRequest": object_of(
            {"shapes": {"type": "array", "items": ref("Shape")}}, required=["shapes"]
        ),
        "SnapRequest": object_of(
            {
                "box": box,
                "point": {"type": "array", "items": number, "minItems": 2, "maxItems": 2},
                "step": {
                    "type": "integer",
                    "minimum": -99,
                    "maximum": 99,
                    "description": "Of a point: how many sizes larger than the likeliest object.",
                },
                "stack": stack,
                "grow": {"type": ["number", "null"], "description": "Margin; null: by itself."},
                "shadow": flag,
            }
        )
        | {"oneOf": [{"required": ["box"]}, {"required": ["point"]}]},
        "Snapped": object_of(
            {
                "found": flag,
                "shape": ref("Shape"),
                "view": object_of({**place["properties"], "png": text()}),
                "left": {"type": "boolean", "description": "Its surroundings look like it."},
                "smaller": {**whole, "description": "Of a point: how many smaller objects."},
                "larger": {**whole, "description": "Of a point: how many larger objects."},
            }
        ),
        "Report": object_of(
            {"seconds": number, "crops": {"type": "array", "items": {"type": "object"}}},
            required=["seconds", "crops"],
        ),
        "Event": object_of(
            {
                "event": {
                    "enum": [
                        "waiting", "crop", "search", "stage", "candidate", "done", "failed",
                        "cancelled",
                    ]
                }
            },
            required=["event"],
        ),
        "About": object_of(
            {
                "version": text(),
                "priors": {"type": "array", "items": named},
                "modes": {"type": "array", "items": text()},
                "stages": {"type": "array", "items": named},
                "formats": {"type": "array", "items": text()},
                "limits": {"type": "object", "additionalProperties": number},
            },
            required=["version", "priors", "modes", "stages", "formats", "limits"],
        ),
    }  # fmt: skip


def object_of(properties: Json, required: list[str] | None = None) -> Json:
    """An object with such properties."""
    return {"type": "object", "properties": properties, "required": required or []}


def text() -> Json:
    """Any text."""
    return {"type": "string"}


def ref(name: str) -> Json:
    """One of the named schemas."""
    return {"$ref": f"#/components/schemas/{name}"}
