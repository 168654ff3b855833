"""Recipes: files that describe a training, so that one command repeats it.

A recipe ``pretrain/recipes/NAME.toml`` holds ::

    about = "VAE of aligned faces, 64 px"   # one line for the list
    command = "vae"                         # the command of pretrain that it runs
    data = "faces64-train.tar"              # what DATA was, for readers

    [options]                               # that command's options, without the dashes
    steps = 4000

``pretrain recipe NAME DATA... --out DIR`` is then that command with other defaults: its own options
still win, and its ``--help`` shows what the recipe sets.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from inpaint.errors import InpaintError, UnknownNameError
from inpaint.system import files

FOLDER = Path(__file__).parent / "recipes"
TEXTS, NEEDED = ("about", "command", "data"), ("about", "command")


class RecipeError(InpaintError):
    """A recipe's file cannot be used."""


@dataclass(frozen=True)
class Recipe:
    """One recipe: ``options`` by their names on the command line, without dashes."""

    name: str
    about: str
    command: str
    data: str
    options: dict[str, Any]

    def applied(self, target: click.Command) -> click.Command:
        """Return a copy of the command ``target`` with the defaults of this recipe.

        Raises UnknownNameError for an option that ``target`` has not, RecipeError for a value that
        is not a text, a number, true or false, or a list of those.
        """
        known = {_label(p): p for p in target.params if isinstance(p, click.Option)}
        defaults = {}
        for label, value in self.options.items():
            if label not in known:
                raise UnknownNameError(
                    f"option of 'pretrain {self.command}' in recipe {self.name!r}", label, known
                )
            option = known[label]
            defaults[option.name or label] = self._default(label, value, option.is_flag)
        command = copy.copy(target)
        command.name = self.name
        came = f"\n\nDATA was {self.data}." if self.data else ""
        command.help = f"{self.about}: 'pretrain {self.command}' with other defaults.{came}"
        command.short_help = self.about
        command.context_settings = {**target.context_settings, "default_map": defaults}
        return command

    def _default(self, label: str, value: Any, is_flag: bool) -> Any:
        """A value as the command line would give it, so that click checks it just as strictly."""
        if is_flag and isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [self._default(label, one, is_flag) for one in value]
        if isinstance(value, str | int | float):
            return str(value)
        raise RecipeError(
            f"recipe {self.name!r}: {label} is a {type(value).__name__}; "
            "expected a text, a number, true or false"
        )


def names() -> list[str]:
    """The shipped recipes: the files in ``pretrain/recipes``."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """Read a shipped recipe, or the file ``name`` if that ends in ``.toml``.

    Raises UnknownNameError for a name that is not shipped, RecipeError for a file that cannot be
    read or is no recipe.
    """
    if name.endswith(".toml"):
        path = Path(name)
    elif name in names():
        path = FOLDER / f"{name}.toml"
    else:
        raise UnknownNameError("recipe", name, names())
    content = _parsed(path)
    for key, value in content.items():
        if key != "options" and key not in TEXTS:
            raise UnknownNameError(f"key in recipe {path}", key, [*TEXTS, "options"])
        expected, word = (dict, "table") if key == "options" else (str, "text")
        if not isinstance(value, expected):
            raise RecipeError(f"recipe {path}: {key} is {value!r}; expected a {word}")
    missing = [key for key in NEEDED if key not in content]
    if missing:
        raise RecipeError(f"recipe {path}: {missing[0]} is missing; it needs {', '.join(NEEDED)}")
    content.setdefault("data", "")
    return Recipe(name=path.stem, **{"options": {}, **content})


def _parsed(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        raise RecipeError("recipes are TOML files, which Python reads from 3.11 on") from None
    try:
        return tomllib.loads(files.read_text(path))
    except OSError as error:
        raise RecipeError(f"recipe {path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise RecipeError(f"recipe {path}: is no TOML ({error})") from error


def _label(option: click.Option) -> str:
    """The long name on the command line, without dashes."""
    return max(option.opts, key=len).lstrip("-")
