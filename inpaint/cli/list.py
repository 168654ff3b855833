"""``inpaint list``: what there is to choose from."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import click

from inpaint import registry

WHAT = ("priors", "stages", "methods")


@click.command(name="list")
@click.argument("what", type=click.Choice(WHAT))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, as_json: bool) -> None:
    """List priors, stages or methods, each with one line about it."""
    rows = {"priors": _priors, "stages": _stages, "methods": _methods}[what]()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    width = max(map(len, rows), default=0)
    for name, about in rows.items():
        click.echo(f"{name:<{width}}  {about}")


def _priors() -> dict[str, str]:
    from inpaint.weights import read_config

    about = {}
    for name in registry.priors():
        config = read_config(registry.ZOO / name)
        side = config["size"]
        about[name] = f"{config['kind']}, {side}x{side} px; {config.get('data', 'data unknown')}"
    return about


def _stages() -> dict[str, str]:
    folder = registry.HERE / "stages"
    return {name: summary(folder / f"{name}.py") for name in registry.stages()}


def _methods() -> dict[str, str]:
    from inpaint.evaluate.methods import catalogue

    return catalogue()


def summary(path: Path) -> str:
    """First line of a module's docstring, read without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
