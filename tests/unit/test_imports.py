"""Imports run one way (pretrain -> inpaint, command lines -> everything) and in no circle."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Slow to import: whoever asks for --help shall not wait for them.
LOOSE = {"__init__.py", "__main__.py", "_version.py", "devices.py", "errors.py"}
LOOSE |= {"py.typed"}
# Each may import what stands before it; those of one line do not know each other.
LAYERS = (
    ("errors", "kernels", "_version"),
    ("devices", "system"),
    ("images",),
    ("masks",),
    ("zoo",),
    ("priors",),
    ("search", "stages"),
    ("faces",),
    ("pipeline",),
    ("restore", "evaluate", "batch"),
    ("web",),
    ("cli",),
    ("__main__",),
)
HEAVY = (
    "torch",
    "cv2",
    "scipy",
    "skimage",
    "safetensors.torch",
    "accelerate",
    "ray",
    "PIL",
    "numba",
    "llvmlite",
)


def modules(root: Path) -> dict[str, Path]:
    """Every module of both packages by its dotted name."""
    found = {}
    for path in (p for package in ("inpaint", "pretrain") for p in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def nodes(tree: ast.AST, *, lazy: bool, typed: bool) -> Iterator[ast.AST]:
    """All nodes; without ``lazy`` none in functions, without ``typed`` none for type checkers."""
    for child in ast.iter_child_nodes(tree):
        function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if (lazy or not function) and (typed or not typing):
            yield child
            yield from nodes(child, lazy=lazy, typed=typed)


def imported(
    path: Path, known: dict[str, Path], *, lazy: bool, typed: bool | None = None
) -> set[str]:
    """The modules of ours that a file imports; those for types count as ``lazy`` ones do."""
    names = set()
    text, typed = path.read_text(encoding="utf-8"), lazy if typed is None else typed
    for node in nodes(ast.parse(text), lazy=lazy, typed=typed):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the module in full"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in known else str(node.module) for name in inside}
    return names & set(known)


def is_command_line(name: str) -> bool:
    return name.split(".")[1:2] in (["cli"], ["__main__"])


def wrong_way(root: Path) -> list[str]:
    """Imports, lazy ones too, that go against the direction."""
    known, wrong = modules(root), []
    for name, path in known.items():
        for other in imported(path, known, lazy=True):
            back = name.startswith("inpaint") and other.startswith("pretrain")
            if back or (is_command_line(other) and not is_command_line(name)):
                wrong.append(f"{name} -> {other}")
    return sorted(wrong)


def upward(root: Path) -> list[str]:
    """Imports, lazy ones too, from one package of ``inpaint`` into another not below it."""
    known, wrong = modules(root), []
    level = {name: number for number, names in enumerate(LAYERS) for name in names}
    for name, path in known.items():
        here = name.split(".")[1:2]
        if not (name.startswith("inpaint.") and here):
            continue
        for other in imported(path, known, lazy=True, typed=False):
            there = other.split(".")[1:2]
            if there and there != here and level[there[0]] >= level[here[0]]:
                wrong.append(f"{name} -> {other}")
    return sorted(wrong)


def circle(root: Path) -> list[str]:
    """A circle of imports as modules are loaded, or nothing."""
    known = modules(root)
    graph = {n: imported(p, known, lazy=False) - {n} for n, p in known.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_imports_run_one_way() -> None:
    assert wrong_way(ROOT) == []


def test_nothing_loose_lies_beside_the_packages() -> None:
    assert {path.name for path in (ROOT / "inpaint").iterdir() if path.is_file()} == LOOSE


def test_packages_import_what_lies_below_them() -> None:
    packages = {path.parent.name for path in (ROOT / "inpaint").glob("*/__init__.py")}
    modules_beside = {Path(name).stem for name in LOOSE} - {"__init__", "py"}
    assert packages | modules_beside == {name for names in LAYERS for name in names}
    assert upward(ROOT) == []


def test_an_import_upward_would_be_seen(tmp_path: Path) -> None:
    texts = {
        "inpaint/images/a.py": "def f():\n    from inpaint.masks import b",
        "inpaint/masks/b.py": "from inpaint.images import a",
        "inpaint/stages/c.py": "from inpaint.search import d",
        "inpaint/search/d.py": "if TYPE_CHECKING:\n    from inpaint.pipeline import e",
        "inpaint/pipeline/e.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    wrong = ["inpaint.images.a -> inpaint.masks.b", "inpaint.stages.c -> inpaint.search.d"]
    assert upward(tmp_path) == wrong


def test_no_imports_run_in_a_circle() -> None:
    assert circle(ROOT) == []


def test_the_whole_of_both_packages_was_looked_at() -> None:
    known = modules(ROOT)
    assert {"inpaint.search.latent", "inpaint.cli.fill", "pretrain.cli.gan"} <= set(known)
    edges = imported(known["inpaint.pipeline.compose"], known, lazy=False)
    assert {"inpaint.pipeline.prepare", "inpaint.pipeline.crop", "inpaint.images"} <= edges
    assert "inpaint.pipeline" in imported(known["inpaint.cli.filling"], known, lazy=True)
    assert "inpaint.pipeline" not in imported(known["inpaint.cli.filling"], known, lazy=False)


@pytest.mark.parametrize(
    ("where", "line", "found"),
    [
        ("inpaint/a.py", "from pretrain import b", "inpaint.a -> pretrain.b"),
        ("inpaint/a.py", "def f():\n    import pretrain.b", "inpaint.a -> pretrain.b"),
        ("pretrain/a.py", "from inpaint.cli import fill", "pretrain.a -> inpaint.cli.fill"),
    ],
)
def test_an_import_back_would_be_seen(tmp_path: Path, where: str, line: str, found: str) -> None:
    for name in ("inpaint/cli/fill.py", "pretrain/b.py", where):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(line if name == where else "")
    assert wrong_way(tmp_path) == [found]


def test_a_circle_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "inpaint").mkdir()
    (tmp_path / "inpaint/a.py").write_text("import inpaint.b")
    (tmp_path / "inpaint/b.py").write_text("from inpaint import a")
    assert set(circle(tmp_path)) == {"inpaint.a", "inpaint.b"}
    (tmp_path / "inpaint/b.py").write_text("def f():\n    from inpaint import a")
    assert circle(tmp_path) == []


@pytest.mark.parametrize("package", ["inpaint", "pretrain"])
def test_the_command_lines_import_nothing_heavy(package: str) -> None:
    names = sorted(n for n in modules(ROOT) if n.startswith(f"{package}.cli"))
    assert len(names) > 5
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        f"print(*(h for h in {HEAVY} if h in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
