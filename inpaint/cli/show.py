"""``inpaint show``: prints the model card of a prior, or the description of a stage."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from inpaint.errors import UnknownNameError
from inpaint.system import files
from inpaint.zoo import networks, plugins, registry, weights


@click.command(name="show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the config as JSON.")
def command(name: str, as_json: bool) -> None:
    """Show a prior's model card (data, licence, figures) or what a stage does.

    NAME is one of ``inpaint list``, a folder of weights, or an ONNX file.
    """
    if name in registry.stages():
        text = registry.about(name)
        click.echo(json.dumps({"name": name, "about": text}) if as_json else text)
        return
    if name in registry.installed_priors():
        text = plugins.about("prior", name)
        click.echo(json.dumps({"name": name, "about": text}) if as_json else text)
        return
    if networks.is_network(name):
        network: Any = registry.load_prior(name)
        config = {**asdict(network.signature), **registry.prior_config(name)}
        click.echo(json.dumps(config, ensure_ascii=False, indent=None if as_json else 2))
        return
    try:
        folder = registry.prior_folder(name)
    except UnknownNameError:
        raise UnknownNameError("name", name, [*registry.priors(), *registry.stages()]) from None
    if as_json:
        click.echo(json.dumps(weights.read_config(folder), ensure_ascii=False))
        return
    card = folder / "MODEL_CARD.md"
    if card.exists():
        click.echo(files.read_text(card).rstrip())
    else:
        click.echo(json.dumps(weights.read_config(folder), indent=2))
