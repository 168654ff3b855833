"""The command line of ``pretrain``: one file for each command.

The trainings share ``parameters`` (their options), ``target`` (what to train on, and where the
result goes) and ``loop`` (what is checked before a training in steps, and saved after it). What
needs torch is imported inside the commands, so that ``--help`` does not wait for it.
"""

from __future__ import annotations

import click

from inpaint._version import __version__
from inpaint.cli.errors import guarded
from pretrain.cli import completion, encoder, finder, gan, gaussian, recipe, refiner, score, vae


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pretrain")
def group() -> None:
    """Train priors on folders or tar files of images.

    A folder name right above an image is its class. The result is a folder that
    'inpaint fill --prior' takes.
    """


for _one in (completion, encoder, finder, gan, gaussian, recipe, refiner, score, vae):
    group.add_command(_one.command)


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    guarded(group, "pretrain")
