from __future__ import annotations

from pathlib import Path

import click
import pytest

from inpaint.errors import UnknownNameError
from pretrain import recipe
from pretrain.recipe import Recipe, RecipeError


@click.command(help="Trains.")
@click.option("--out", required=True)
@click.option("--steps", type=int, default=7)
@click.option("--critic-width", type=int, default=1)
@click.option("--classes", is_flag=True)
@click.option("--mix", multiple=True, type=float)
def trains(**given: object) -> None:
    click.echo(sorted(given.items()))


def made(**options: object) -> Recipe:
    return Recipe("cake", "A cake", "trains", "flour.tar", options)


def given(command: click.Command, *words: str) -> dict[str, object]:
    return command.make_context("cake", list(words)).params


def test_a_recipe_gives_defaults_and_the_command_line_wins() -> None:
    command = made(**{"steps": 50, "critic-width": 8, "classes": True, "mix": [1, 0.5]}).applied(
        trains
    )
    expected = {"out": "x", "steps": 50, "critic_width": 8, "classes": True, "mix": (1.0, 0.5)}
    assert given(command, "--out", "x") == expected
    assert given(command, "--out", "x", "--steps", "3") == {**expected, "steps": 3}
    assert given(trains, "--out", "x")["steps"] == 7, "the command itself was changed"
    assert "flour.tar" in str(command.help)


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"'cake' 'critic_width'; did you mean 'critic-width'"
    ):
        made(critic_width=3).applied(trains)


@pytest.mark.parametrize("value", [2.5, "many", True])
def test_a_value_of_another_type_is_refused_by_the_command(value: object) -> None:
    with pytest.raises(click.BadParameter) as error:
        given(made(steps=value).applied(trains), "--out", "x")
    assert "Invalid value for '--steps'" in error.value.format_message()


def test_a_table_is_no_value() -> None:
    with pytest.raises(RecipeError, match="steps is a dict; expected a text, a number"):
        made(steps={"a": 1}).applied(trains)


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('about = "Mine"\ncommand = "vae"\n[options]\nlr = 1e-4\n')
    assert recipe.load(str(path)) == Recipe("mine", "Mine", "vae", "", {"lr": 1e-4})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('about = "a"', "command is missing"),
        ('command = "vae"', "about is missing"),
        ('about = "a"\ncommand = 3', "command is 3; expected a text"),
        ('about = "a"\ncommand = "vae"\noptions = 3', "options is 3; expected a table"),
        ('about = "a"\ncommand = "vae"\n[option]\na = 1', "did you mean 'options'"),
        ("about = ", "is no TOML"),
    ],
)
def test_broken_files_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises((RecipeError, UnknownNameError), match=said) as error:
        recipe.load(str(path))
    assert "\n" not in str(error.value)


def test_missing_files_and_names() -> None:
    with pytest.raises(RecipeError, match="No such file"):
        recipe.load("none.toml")
    with pytest.raises(UnknownNameError, match="did you mean 'faces64-vae'"):
        recipe.load("faces64-vea")
