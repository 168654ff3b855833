"""The command line: one file for each command, found by its name and imported when it runs.

A module ``inpaint/cli/NAME.py`` defines a click command called ``command``. The names that options
take come from the file system (``inpaint.zoo.registry``), so that ``--help`` never imports torch.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from inpaint._version import __version__
from inpaint.cli.errors import guarded
from inpaint.errors import UnknownNameError

# Modules in cli/ that are not commands.
SHARED = {"__init__", "batch_output", "errors", "filling", "progress"}
SUMMARIES = {
    "batch": "Fill the holes of all images in a folder.",
    "evaluate": "Measure methods on a folder of images by PSNR, SSIM and LPIPS.",
    "fill": "Fill the hole in one image.",
    "list": "List priors, stages or methods.",
    "remove": "Remove objects from a photo by pointing at them.",
    "restore": "Denoise, enlarge or colourise one image.",
    "serve": "Serve a web page for removing objects with a brush, and its HTTP API.",
    "show": "Show what is known about a prior or a stage.",
}


class Commands(click.Group):
    """Finds commands by the names of their files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the command files."""
        here = Path(__file__).parent
        return sorted(p.stem for p in here.glob("*.py") if p.stem not in SHARED)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command; None when there is no such file."""
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"inpaint.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Do as click does, but add a hint to the error for an unknown name."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise UnknownNameError("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        rows = [(name, SUMMARIES.get(name, "")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="inpaint")
def group() -> None:
    """Fill holes in pictures: remove objects, mend scratches and dust, complete faces.

    In every mask white is the hole. Results go to stdout, messages to stderr.
    Exit codes: 0 done, 1 failed, 2 wrong use.
    """


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    guarded(group, "inpaint", light={"list", "show"})
