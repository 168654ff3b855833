"""Loops over pixels, compiled once after an installation and kept as machine code.

A kernel is a function of arrays and numbers that numba can compile. Its annotations are its
types: ``Short2`` is a C-contiguous array of int16 with two axes; ``int`` is int64, ``float``
float32; a ``Flag`` is a bool, 0 or 1. A kernel returns nothing and makes no arrays: what it writes
to is given. It runs alone and in one fixed order, so that its bytes depend on neither threads nor
processes, and holds no lock while it runs.

- ``compiling``: what numba makes of a kernel; only where no machine code is kept;
- ``objects``: machine code, kept in a folder and loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import threading
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Flag1 = NDArray[np.bool_]
Flag2 = NDArray[np.bool_]
Short1 = NDArray[np.int16]
Short2 = NDArray[np.int16]
Short3 = NDArray[np.int16]
Int1 = NDArray[np.int32]
Int2 = NDArray[np.int32]
Int3 = NDArray[np.int32]
Long1 = NDArray[np.int64]
Float1 = NDArray[np.float32]
Float2 = NDArray[np.float32]
Float3 = NDArray[np.float32]

_ARRAYS = {"Flag": "uint8", "Short": "int16", "Int": "int32", "Long": "int64", "Float": "float32"}
_NUMBERS = {"int": "int64", "float": "float32"}
_C = {"int64": ctypes.c_int64, "float32": ctypes.c_float}
_lock = threading.RLock()


class Type(NamedTuple):
    """The type of an argument: ``axes`` is 0 for a number."""

    dtype: str
    axes: int


class Inner:
    """A function that kernels call: compiled as a part of them, plain Python to everyone else."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        """Call it in Python."""
        return self.function(*arguments)


class Kernel:
    """A function that is loaded, or else compiled, when it is first called."""

    def __init__(self, function: Callable[..., None]) -> None:
        assert isinstance(function, FunctionType)
        self.function = function
        self.types = [_type(n) for k, n in function.__annotations__.items() if k != "return"]
        self._call: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> None:
        """Run it; TypeError for an array of another type, or one with gaps."""
        call = self._call or self._ready()
        flat: list[Any] = [None, None]
        for value, (dtype, axes) in zip(arguments, self.types, strict=True):
            if not axes:
                flat.append(value)
                continue
            kind = "uint8" if value.dtype == np.bool_ else value.dtype
            if kind != dtype or value.ndim != axes or not value.flags.c_contiguous:
                raise TypeError(
                    f"{self.function.__name__} got {value.dtype} {value.shape}; "
                    f"expected C-contiguous {dtype} with {axes} axes"
                )
            flat.append(value.__array_interface__["data"][0])
            flat.extend(value.shape)
        # Where it would put what it returns and raises, which is nothing.
        flat[0] = flat[1] = ctypes.addressof(ctypes.c_void_p())
        call(*flat)

    def _ready(self) -> Callable[..., int]:
        from inpaint.kernels import objects

        with _lock:
            if self._call is None:
                name = f"{self.function.__name__.strip('_')}_{self._fingerprint()}"
                code = objects.read(name)
                if code is None:
                    from inpaint.kernels import compiling

                    code = compiling.machine_code(name, self.function, self.types)
                    objects.write(name, code)
                types: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]
                for dtype, axes in self.types:
                    types += [ctypes.c_void_p, *[ctypes.c_int64] * axes] if axes else [_C[dtype]]
                address = objects.load(name, code)
                self._call = ctypes.CFUNCTYPE(ctypes.c_int32, *types)(address)
            return self._call

    def _fingerprint(self) -> str:
        """Of all that the machine code depends on."""
        from inpaint.kernels import objects

        digest = hashlib.sha256()
        about = platform.python_version(), objects.machine(), self.types
        digest.update(repr(about).encode())
        for part in _parts(self.function):
            digest.update(part)
        return digest.hexdigest()[:24]


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a kernel of a function; used as a decorator."""
    return Kernel(function)


def inner(function: Callable[..., Any]) -> Inner:
    """Let kernels call a function; used as a decorator."""
    return Inner(function)


def _type(name: Any) -> Type:
    if name in _NUMBERS:
        return Type(_NUMBERS[name], 0)
    return Type(_ARRAYS[name[:-1]], int(name[-1]))


def _parts(function: Callable[..., Any]) -> Iterator[bytes]:
    """A function's code, the constants it reads, and those of the functions it calls."""
    assert isinstance(function, FunctionType)
    code = function.__code__
    yield code.co_code
    yield repr((code.co_consts, code.co_names, code.co_varnames)).encode()
    for name in code.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, Inner):
            yield from _parts(value.function)
        elif isinstance(value, np.ndarray):
            yield repr((value.dtype, value.shape, value.tolist())).encode()
        elif isinstance(value, (int, float, np.generic)):
            yield repr(value).encode()
