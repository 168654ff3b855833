"""What a request may choose about a fill, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inpaint.errors import InpaintError, UnknownNameError
from inpaint.stages.chain import MODES
from inpaint.web.settings import Settings
from inpaint.zoo import classes, registry

MOST_CANDIDATES, MOST_STEPS, MOST_STAGES = 6, 2000, 8
_LARGEST_SEED = 2**53 - 1  # what JavaScript counts exactly
_RANGES = {"candidates": (1, MOST_CANDIDATES), "steps": (0, MOST_STEPS), "seed": (0, _LARGEST_SEED)}
_SPELT = {"true": True, "false": False}  # in a form, where all is text
_DIGITS = 19  # of a number in a text: int() takes long for many, and refuses more
NAMES = ("prior", "class", "mode", "stages", "candidates", "faces", "steps", "seed")


class OptionError(InpaintError):
    """An option has a type or value that it cannot have."""


@dataclass(frozen=True)
class Options:
    """The keywords of ``pipeline.complete`` that a request may set."""

    prior: str = "auto"
    class_name: str | None = None
    mode: str = "sharp"
    stages: tuple[str, ...] = ("auto",)
    candidates: int = 1
    faces: bool = True
    steps: int | None = None
    seed: int = 0

    def keywords(self, settings: Settings) -> dict[str, Any]:
        """For ``pipeline.complete``."""
        search = {} if self.steps is None else {"steps": self.steps}
        return {
            "prior": settings.prior(self.prior),
            "class_name": self.class_name,
            "mode": self.mode,
            "stages": self.stages,
            "candidates": self.candidates,
            "faces": self.faces,
            "seed": self.seed,
            "device": settings.device,
            "search": search,
        }


def parse(values: Mapping[str, Any], settings: Settings) -> Options:
    """Check the options of a JSON object; absent ones and null take their defaults.

    A prior is one of the names that the server knows: a path is an unknown name.

    Raises
    ------
    UnknownNameError
        For a name of an option, prior, class, mode or stage that does not exist.
    OptionError
        For a value of another type or range.
    """
    for name in set(values) - set(NAMES):
        raise UnknownNameError("option", name, NAMES)
    given = {name: value for name, value in values.items() if value is not None}
    prior = _text(given, "prior", "auto")
    if prior != "auto" and prior not in settings.priors:
        raise UnknownNameError("prior", prior, ["auto", *settings.priors])
    class_name = _text(given, "class", None)
    if class_name is not None:
        classes.prior_of(settings.prior(prior), class_name)
    mode = _text(given, "mode", "sharp")
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    return Options(
        prior=prior,
        class_name=class_name,
        mode=mode,
        stages=_stages(given.get("stages", ["auto"])),
        candidates=_whole(given, "candidates", 1),
        faces=_flag(given, "faces", True),
        steps=_whole(given, "steps", None),
        seed=_whole(given, "seed", 0),
    )


def from_form(fields: Mapping[str, list[str]], settings: Settings) -> Options:
    """Check the options of a form, where all is text and a field may come several times."""
    values: dict[str, Any] = {}
    for name, texts in fields.items():
        if name in _RANGES:
            values[name] = number(name, texts[-1], *_RANGES[name])
        elif name == "faces":
            values[name] = _SPELT.get(texts[-1].lower(), texts[-1])
        elif name == "stages":
            values[name] = [stage for text in texts for stage in text.replace(",", " ").split()]
        else:
            values[name] = texts[-1]
    return parse(values, settings)


def number(name: str, text: str, least: int, most: int) -> int:
    """The whole number that a form or an address spells; raises OptionError for anything else."""
    spelt = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return _within(name, int(text) if spelt else text, least, most)


def _within(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise OptionError(f"{name} is {_shown(value)}, expected a whole number, {least} to {most}")
    return value


def _text(values: Mapping[str, Any], name: str, default: Any) -> Any:
    value = values.get(name, default)
    if not (value is default or isinstance(value, str)):
        raise OptionError(f"{name} is {_shown(value)}, expected a text")
    return value


def _flag(values: Mapping[str, Any], name: str, default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise OptionError(f"{name} is {_shown(value)}, expected true or false")
    return value


def _whole(values: Mapping[str, Any], name: str, default: Any) -> Any:
    return _within(name, values[name], *_RANGES[name]) if name in values else default


def _stages(names: Any) -> tuple[str, ...]:
    """``["auto"]``, ``["none"]`` (no stage at all), or stages in their order."""
    check: Callable[[Any], bool] = lambda name: isinstance(name, str)  # noqa: E731
    if not isinstance(names, list) or not all(map(check, names)) or len(names) > MOST_STAGES:
        raise OptionError(
            f"stages is {_shown(names)}, expected a list of at most {MOST_STAGES} names, "
            "['auto'] or ['none']"
        )
    if names in ([], ["none"]):
        return ()
    if names != ["auto"]:
        for name in names:
            if name not in registry.stages():
                raise UnknownNameError("stage", name, registry.stages())
    return tuple(names)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
