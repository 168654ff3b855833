"""The page of error messages says what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([^`]+)` \|", re.M)
MESSAGES = ROW.findall((ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"))


def squeezed(text: str) -> str:
    """With one sign for whatever an f-string puts in, quotes or not."""
    return re.sub(r"[…\s'\"]*…[…'\"]*", " … ", " ".join(text.split())).strip()


def templates() -> str:
    """All texts of both packages, what is put into f-strings replaced."""
    found = []
    for path in (p for package in ("inpaint", "pretrain") for p in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(map(squeezed, found))


@pytest.fixture(scope="module")
def said() -> str:
    return templates()


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_is_in_the_code(message: str, said: str) -> None:
    assert squeezed(message) in said


def test_the_page_covers_every_kind_of_trouble(said: str) -> None:
    assert len(MESSAGES) > 40
    assert squeezed("the mask is …, the picture is …") not in said
