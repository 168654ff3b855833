"""Machine code of our own: the same in every thread and process, kept, and announced once."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inpaint.kernels import Float1, Int1, Kernel, Short1, inner, kernel, objects

ROOT = Path(__file__).parents[2]
FACTOR = 3


@inner
def _tripled(value: int) -> int:
    return value * FACTOR


@kernel
def _sums(a: Short1, b: Float1, factor: float, out: Int1) -> None:
    """out_i = i plus the sum of three times a and factor times b."""
    total = np.float32(0)
    for i in range(len(a)):
        total += np.float32(_tripled(a[i])) + factor * b[i]
    for i in range(len(out)):
        out[i] = i + np.int32(total)


@kernel
def _allocates(out: Int1) -> None:
    out[:] = np.arange(len(out))


def sums() -> np.ndarray:
    out = np.empty(4, dtype=np.int32)
    _sums(np.arange(5, dtype=np.int16), np.full(5, 2, dtype=np.float32), 0.5, out)
    return out


EXPECTED = [35, 36, 37, 38]


def in_child(queue: multiprocessing.Queue) -> None:
    queue.put(sums().tolist())


def test_a_kernel_computes_what_its_python_says() -> None:
    out = np.empty(4, dtype=np.int32)
    _sums.function(np.arange(5, dtype=np.int16), np.full(5, 2, dtype=np.float32), 0.5, out)
    assert sums().tolist() == out.tolist() == EXPECTED


def test_threads_get_the_same() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert [r.tolist() for r in pool.map(lambda _: sums(), range(32))] == [EXPECTED] * 32


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("before", [False, True], ids=["first in the child", "used before"])
def test_a_forked_child_gets_the_same(before: bool) -> None:
    if before:
        sums()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == EXPECTED
    child.join()


def test_arrays_of_another_kind_are_refused() -> None:
    out = np.empty(4, dtype=np.int32)
    right = np.zeros(5, dtype=np.float32)
    with pytest.raises(TypeError, match="_sums got int64"):
        _sums(np.arange(5), right, 0.5, out)
    with pytest.raises(TypeError, match="contiguous"):
        _sums(np.arange(10, dtype=np.int16)[::2], right, 0.5, out)
    with pytest.raises(TypeError, match="1 axes"):
        _sums(np.zeros((5, 1), dtype=np.int16), right, 0.5, out)


def test_a_kernel_that_makes_arrays_is_refused() -> None:
    with pytest.raises(Exception, match=r"No implementation of function.*arange"):
        _allocates(np.empty(3, dtype=np.int32))


def test_the_name_follows_the_code_and_its_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _sums._fingerprint()
    assert before == _sums._fingerprint()
    monkeypatch.setattr(f"{__name__}.FACTOR", 4)
    assert before != _sums._fingerprint()


def test_code_is_kept_and_damaged_code_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(objects, "folders", lambda: iter([tmp_path / "no", tmp_path]))
    (tmp_path / "no").write_bytes(b"")  # a file where a folder should be
    objects.write("some", b"code")
    assert objects.read("some") == b"code"
    kept = tmp_path / "some.o"
    kept.write_bytes(kept.read_bytes()[:-1])
    assert objects.read("some") is None
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("some")] == ["some.o"]


def test_nothing_that_can_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "folders", lambda: iter([Path(os.devnull) / "no"]))
    fresh = Kernel(_sums.function)
    out = np.empty(4, dtype=np.int32)
    fresh(np.arange(5, dtype=np.int16), np.full(5, 2, dtype=np.float32), 0.5, out)
    assert out.tolist() == EXPECTED


CODE = """
import sys
from pathlib import Path
from inpaint.kernels import objects
objects.folders = lambda: iter([Path(sys.argv[1])])
import numpy as np
from inpaint.stages.texture.nearest import nearest, tree
f = np.arange(32 * 40, dtype=np.int16).reshape(40, 32) % 50
print(nearest(f, tree(f), np.full(40, 2**31 - 1, np.int32)).sum(), "numba" in sys.modules)
"""


@pytest.mark.slow
def test_compilation_is_announced_once_and_the_next_start_needs_no_numba(tmp_path: Path) -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    assert runs[0].stderr.count("Compiling") == 1
    assert runs[1].stderr == ""
    first, second = (r.stdout.split() for r in runs)
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("True", "False")
