"""Machine code: kept in a folder from one start to the next, and made part of this process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

_SUM = 32  # bytes of a checksum before the code: what a full disk cut off is not run


def folders() -> Iterator[Path]:
    """Where machine code may be: beside the package's own bytecode, or in the user's cache."""
    if sys.pycache_prefix is None:
        yield Path(__file__).parent / "__pycache__"
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # nobody's home
        yield (Path(base) if base else Path.home() / ".cache") / "inpaint"


def read(name: str) -> bytes | None:
    """Return the machine code that was kept under a name, None if there is none."""
    for folder in folders():
        with contextlib.suppress(OSError):
            data = (folder / f"{name}.o").read_bytes()
            if hashlib.sha256(data[_SUM:]).digest() == data[:_SUM]:
                return data[_SUM:]
    return None


def write(name: str, code: bytes) -> None:
    """Keep machine code in the first folder that can be written; where none can, do nothing."""
    for folder in folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f"{name}.")
            try:
                os.chmod(temporary, 0o644)  # whoever may run the package may run this
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(code).digest() + code)
                os.replace(temporary, folder / f"{name}.o")
            except OSError:
                os.unlink(temporary)
                raise
            return


@lru_cache(maxsize=1)
def target() -> llvm.TargetMachine:
    """Return what code is made for: this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )


def machine() -> tuple[str, ...]:
    """Return what machine code depends on beside its source."""
    features = llvm.get_host_cpu_features().flatten()
    return llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def load(name: str, code: bytes) -> int:
    """Make machine code part of this process; return the address of its function ``name``."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return int(engine.get_function_address(name))


@lru_cache(maxsize=1)
def _engine() -> llvm.ExecutionEngine:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
