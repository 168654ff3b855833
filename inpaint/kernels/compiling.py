"""From a kernel in Python to machine code, by numba: once after an installation."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba

from inpaint.kernels import Inner, Type, objects

log = logging.getLogger(__name__)

_BLOCK = re.compile(r"^define [^\n]*\{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^(?:@|declare |define )[^\n@]*@?[^\n]*\n", re.MULTILINE)
_NAME = re.compile(r'@(?:"[^"]*"|[\w.$-]+)')
# Of Python, numba or its runtime: not there when machine code is loaded without them.
_FOREIGN = re.compile(r"@(?:Py|_Py|NRT_|numba_)")


def machine_code(name: str, function: FunctionType, types: Sequence[Type]) -> bytes:
    """Compile a kernel into an object file with the one function ``name``.

    An array comes as a pointer and its axes' lengths. Before them stand two pointers, to what
    numba's functions return and what they raise.
    """
    _announce()
    parameters, passed, signature = [], [], []
    for i, (dtype, axes) in enumerate(types):
        of = getattr(numba, dtype)
        shape = [f"n{i}_{k}" for k in range(axes)]
        parameters += [f"a{i}", *shape]
        passed.append(f"carray(a{i}, ({', '.join(shape)},))" if axes else f"a{i}")
        signature += [numba.types.CPointer(of), *[numba.int64] * axes] if axes else [of]
    scope: dict[str, Any] = {"carray": numba.carray, "inner": _jitted(function)}
    # Text made of numbers alone, as numba wants a function with these parameters.
    exec(f"def outer({', '.join(parameters)}):\n    inner({', '.join(passed)})\n", scope)
    made = numba.cfunc(numba.void(*signature), error_model="numpy")(scope["outer"])
    module = llvm.parse_assembly(_alone(made.inspect_llvm(), name))
    return bytes(objects.target().emit_object(module))


@lru_cache(maxsize=1)
def _announce() -> None:
    log.warning("Compiling what copies pixels: once after an installation, some seconds.")


@cache
def _jitted(function: FunctionType) -> Any:
    """What numba makes of a function that may call ``Inner`` ones."""
    names = {
        k: function.__globals__[k] for k in function.__code__.co_names if k in function.__globals__
    }
    names = {k: _jitted(v.function) if isinstance(v, Inner) else v for k, v in names.items()}
    copy = FunctionType(function.__code__, names, function.__name__)
    # Without numba's runtime, which counts who holds an array: kernels only borrow.
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    return numba.njit(error_model="numpy", **options)(copy)


def _alone(text: str, name: str) -> str:
    """Cut a module (LLVM's language) down to numba's function ``outer``, to be called ``name``.

    What is left out, the wrapper for C, reports errors through Python, which a kernel never does.
    """
    wanted = re.search(r"^define [^\n]*(@_ZN\d*\w*outer\w*)\(", text, re.MULTILINE)
    assert wanted
    entry = wanted[1]
    blocks = {_defined(b): b for b in _BLOCK.findall(text)}
    rest = _BLOCK.sub("", text).splitlines(keepends=True)
    named = {_defined(line): line for line in rest if line.startswith(("@", "declare "))}
    used, waiting = set(), [entry]
    while waiting:
        one = waiting.pop()
        if one in used:
            continue
        used.add(one)
        waiting += _NAME.findall(blocks.get(one, "") or named.get(one, ""))
    foreign = sorted(n for n in used if _FOREIGN.match(n))
    if foreign:
        raise TypeError(f"kernel {name} makes arrays or raises: {', '.join(foreign)}")
    kept = [line for line in rest if _defined(line) in used or line not in named.values()]
    body = "".join(kept) + "".join(b for n, b in blocks.items() if n in used)
    return re.sub(re.escape(entry) + r"(?=\()", f"@{name}", body)


def _defined(text: str) -> str:
    """The name that a line or a block defines, or nothing."""
    found = _NAME.search(text)
    return found[0] if found else ""
