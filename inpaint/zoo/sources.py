"""Prior kinds, stages and tasks among our own sources, found without importing them.

A module or package in ``priors/``, ``stages/`` or ``restore/`` is a prior kind, a stage or a task
if it defines the functions in ``ROLES``; other modules there are shared by these.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parents[1]
# The functions that a module of these folders must define; it is recognised by them.
ROLES = {"priors": ("from_config", "tiny"), "stages": ("apply",), "restore": ("task",)}


@lru_cache(maxsize=len(ROLES))
def modules(folder: str) -> dict[str, Path]:
    """Sources of the modules and packages in a folder that have its role, by name, sorted."""
    here = HERE / folder
    sources = {p.stem: p for p in here.glob("*.py")}
    sources |= {p.parent.name: p for p in here.glob("*/__init__.py")}
    return {name: sources[name] for name in sorted(sources) if _defines(sources[name], folder)}


def _defines(source: Path, folder: str) -> bool:
    """Whether a module has the role of its folder."""
    text = source.read_text(encoding="utf-8")
    if not all(f"def {function}(" in text for function in ROLES[folder]):
        return False  # without parsing, which takes most of the time
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return True  # it counts as one, so that importing it reports the error
    return set(ROLES[folder]) <= {x.name for x in tree.body if isinstance(x, ast.FunctionDef)}


def described(folder: str, name: str) -> str:
    """The docstring of a module of :func:`modules`, empty without one."""
    text = modules(folder)[name].read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""
