"""``inpaint list``: names the priors, stages and methods that can be chosen."""

from __future__ import annotations

import json

import click

from inpaint.zoo import plugins, registry

WHAT = ("priors", "stages", "methods")


@click.command(name="list")
@click.argument("what", type=click.Choice(WHAT))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, as_json: bool) -> None:
    """List priors, stages or methods, with a line about each."""
    rows = {"priors": _priors, "stages": _stages, "methods": _methods}[what]()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    width = max(map(len, rows), default=0)
    for name, about in rows.items():
        click.echo(f"{name:<{width}}  {about}")


def _priors() -> dict[str, str]:
    shipped = {
        name: f"{config['kind']}, {config['size']}x{config['size']} px; "
        f"{config.get('data', 'data unknown')}"
        for name, config in registry.shipped().items()
    }
    return shipped | {name: plugins.about("prior", name) for name in registry.installed_priors()}


def _stages() -> dict[str, str]:
    return {name: registry.about(name).partition("\n")[0] for name in registry.stages()}


def _methods() -> dict[str, str]:
    from inpaint.evaluate.methods import catalogue

    return catalogue()
