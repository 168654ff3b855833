"""Every public function says what it does, which shapes its arrays have, which errors it raises.

Shapes and errors may also be told once for many: in the docstring of the class, of the module, or
of the protocol whose method it implements.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
ARRAY = re.compile(r"\b(ndarray|Tensor)\b")
# (H, W), (N, 3, S, S), (n,), (N, 2 * H / K, 4), ...: letters, numbers and products of them.
WORD = r"(?:[A-Za-z]{1,2}'?²?|\d+|\.\.\.|height|width|size|side|latent|channels)"
SIDE = rf"\*?{WORD}(?: ?[*+/-] ?{WORD})*"
SHAPE = re.compile(rf"\((?:\*latent|[A-Zn]|{SIDE},|(?:{SIDE}, ?)+{SIDE},?)\)")
FREE = re.compile(r"[Aa]ny shape|like ``|of one value")
OURS = {
    "InpaintError", "ImageError", "MaskError", "SelectionError", "WeightsError", "SearchError",
    "OutputError", "UnknownNameError", "MethodError", "RecipeError", "OptionError",
}  # fmt: skip


class Function(NamedTuple):
    """A public function or method, and all docstrings that speak for it."""

    where: str
    node: ast.FunctionDef
    own: str
    told: str  # its own, its class's, its module's, its protocol's


def public(name: str) -> bool:
    return not name.startswith("_") or name in ("__call__", "__init__")


@cache
def trees() -> dict[Path, ast.Module]:
    paths = (p for package in ("inpaint", "pretrain") for p in (ROOT / package).rglob("*.py"))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(paths)}


@cache
def protocols() -> dict[str, str]:
    """What protocols say about their methods, by the method's name."""
    found: dict[str, str] = {}
    for tree in trees().values():
        for kind in (n for n in tree.body if isinstance(n, ast.ClassDef)):
            if any("Protocol" in ast.unparse(base) for base in kind.bases):
                for method in (m for m in kind.body if isinstance(m, ast.FunctionDef)):
                    text = (ast.get_docstring(method) or "") + (ast.get_docstring(kind) or "")
                    found[method.name] = found.get(method.name, "") + text
    return found


def functions(tree: ast.Module, name: str) -> Iterator[Function]:
    module = ast.get_docstring(tree) or ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and public(node.name):
            own = ast.get_docstring(node) or ""
            yield Function(f"{name}:{node.name}", node, own, f"{own}\n{module}")
        elif isinstance(node, ast.ClassDef) and public(node.name):
            kind = ast.get_docstring(node) or ""
            for method in (m for m in node.body if isinstance(m, ast.FunctionDef)):
                if public(method.name):
                    own = ast.get_docstring(method) or ""
                    own = kind if method.name in ("__init__", "__call__") and not own else own
                    told = f"{own}\n{kind}\n{module}\n{protocols().get(method.name, '')}"
                    yield Function(f"{name}:{node.name}.{method.name}", method, own, told)


@cache
def everything() -> list[Function]:
    return [
        function
        for path, tree in trees().items()
        for function in functions(tree, path.relative_to(ROOT).as_posix())
    ]


def is_array(annotation: ast.expr | None) -> bool:
    """An array or several; not a dict of them by name, nor a function of them."""
    text = ast.unparse(annotation) if annotation is not None else ""
    return bool(ARRAY.search(text)) and not re.search(r"Callable|dict|Mapping|cached", text)


def arrays(function: Function) -> list[str]:
    given = function.node.args
    names = [a.arg for a in (*given.args, *given.kwonlyargs) if is_array(a.annotation)]
    return names + (["what it returns"] if is_array(function.node.returns) else [])


def is_command(node: ast.FunctionDef) -> bool:
    return any("command" in ast.unparse(d) for d in node.decorator_list)


def raised(node: ast.AST) -> set[str]:
    """Names of our errors that a function raises itself."""
    found = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            found.add(ast.unparse(child.exc.func).rpartition(".")[2])
        found |= raised(child)
    return found & OURS


def undocumented(function: Function) -> bool:
    return not function.own


def without_shapes(function: Function) -> bool:
    known = SHAPE.search(function.told) or FREE.search(function.told)
    return bool(arrays(function)) and not known


def without_errors(function: Function) -> set[str]:
    return {name for name in raised(function.node) if name not in function.told}


def test_every_public_function_and_class_is_documented() -> None:
    missing = [f.where for f in everything() if undocumented(f) and f.node.name != "__init__"]
    for path, tree in trees().items():
        kinds = (n for n in tree.body if isinstance(n, ast.ClassDef) and public(n.name))
        missing += [f"{path.name}:{k.name}" for k in kinds if not ast.get_docstring(k)]
    assert missing == []


def test_functions_of_arrays_state_shapes() -> None:
    found = [f"{f.where} ({', '.join(arrays(f))})" for f in everything() if without_shapes(f)]
    assert found == [], "\n".join(found)


def test_functions_name_the_errors_they_raise() -> None:
    found = [
        f"{f.where}: {', '.join(sorted(names))}"
        for f in everything()
        if (names := without_errors(f)) and not is_command(f.node) and "/cli/" not in f.where
    ]
    assert found == [], "\n".join(found)


def test_it_looks_at_everything() -> None:
    names = {f.where for f in everything()}
    assert {"inpaint/pipeline/compose.py:fill", "inpaint/priors/vae.py:VAE.generate"} <= names
    assert len(names) > 600
    assert sum(bool(arrays(f)) for f in everything()) > 200


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"""Blur."""', without_shapes),
        ('"""Blur ``image`` (see above)."""', without_shapes),
        ('"""Blur an image (H, W, 3)."""\n    raise MaskError("no")', without_errors),
        ("pass", undocumented),
    ],
)
def test_a_fault_would_be_seen(text: str, fault: object) -> None:
    source = f"def blur(image: np.ndarray) -> np.ndarray:\n    {text}\n"
    (function,) = functions(ast.parse(source), "x.py")
    assert callable(fault)
    assert fault(function)
    assert [without_shapes(function), bool(without_errors(function)), undocumented(function)].count(
        True
    ) <= 2


@pytest.mark.parametrize(
    "shape", ["(H, W)", "(N, 3, S, S)", "(n,)", "(N, 2 * H / K, 4)", "(N, ...)"]
)
def test_shapes_are_recognised(shape: str) -> None:
    assert SHAPE.search(f"An array {shape}.")


@pytest.mark.parametrize("text", ["(Telea 2004, radius 3)", "(fast, slow)", "(a)", "f(x)", "(RGB)"])
def test_other_brackets_are_no_shapes(text: str) -> None:
    assert not SHAPE.search(text)
