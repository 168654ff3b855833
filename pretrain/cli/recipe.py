"""``pretrain recipe``: repeats a training that a file describes."""

from __future__ import annotations

import json

import click

from pretrain import recipe

LIST = "list"


class Recipes(click.Group):
    """One command for each recipe: that which it names, with the recipe's options as defaults."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """``list``, then the shipped recipes."""
        return [LIST, *recipe.names()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """A recipe by name or file; UnknownNameError, RecipeError."""
        if name == LIST:
            return listing
        found = recipe.load(name)
        return found.applied(_target(ctx, found))


def _target(ctx: click.Context, found: recipe.Recipe) -> click.Command:
    """The command that the recipe names; UnknownNameError when that is no command for training."""
    root = ctx.find_root().command
    commands = root.commands if isinstance(root, click.Group) else {}
    known = [name for name, one in commands.items() if any(p.name == "out" for p in one.params)]
    known = [name for name in known if name != "score"]
    if found.command not in known:
        raise recipe.UnknownNameError(f"command in recipe {found.name!r}", found.command, known)
    return commands[found.command]


@click.group(
    name="recipe",
    cls=Recipes,
    subcommand_metavar="list | NAME|FILE.toml DATA... --out DIR ...",
)
def command() -> None:
    """Repeat a shipped training, or one of your own in a FILE.toml.

    Any option of its command may follow, and replaces that of the recipe.
    """


@click.command(name=LIST)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def listing(as_json: bool) -> None:
    """List the shipped recipes."""
    found = [recipe.load(name) for name in recipe.names()]
    if as_json:
        click.echo(json.dumps([vars(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one.name:<20} {one.command:<9} {one.about}")
