"""Turns errors into one line on stderr and an exit code; nothing else does."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Collection
from contextlib import suppress

import click

from inpaint.errors import InpaintError, SelectionError, UnknownNameError, reason, remedy
from inpaint.system import limits, memory, threads

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def guarded(command: click.Command, name: str, *, light: Collection[str] = ()) -> None:
    """Run ``command`` and exit; no traceback unless INPAINT_DEBUG is set.

    ``light`` are the subcommands that load no large library.
    """
    _open_streams()
    # A path that is not UTF-8 must be printed as it came instead of failing to encode.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    try:
        words = set(sys.argv[1:])
        if sys.argv[1:2] and sys.argv[1] not in light and not words & {"-h", "--help", "--version"}:
            limits.check_libraries()
        code = command.main(prog_name=name, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; nothing half-written was left")
        sys.exit(INTERRUPTED)
    except (SelectionError, UnknownNameError) as error:
        _say(str(error))
        sys.exit(MISUSED)
    except InpaintError as error:
        _say(str(error))
        sys.exit(FAILED)
    except BrokenPipeError:  # the reader of our stdout has gone, and wants no more
        _forget_stdout()
        sys.exit(FAILED)
    except Exception as error:
        if os.environ.get("INPAINT_DEBUG"):
            raise
        _say(_unforeseen(error))
        sys.exit(FAILED)


def _open_streams() -> None:
    """Let streams that the shell has closed (``>&-``) lead nowhere.

    The next file to be opened would take their numbers, and what is printed would be written
    into it.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _forget_stdout() -> None:
    """Let stdout lead nowhere: what is left in it would fail once more at the exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> str:
    """What no command foresaw, in one line."""
    if memory.ran_out(error):
        return _no_memory()
    if isinstance(error, OSError):
        _forget_stdout()
        return _refused(error)
    if threads.REFUSED in str(error):  # of a pool of Python's own
        return threads.NO_THREAD
    text = " ".join(str(error).split()) or "no message"
    return (
        f"internal error, {type(error).__name__}: {text}; "
        "please report it with the output of the same command under INPAINT_DEBUG=1"
    )


def _refused(error: OSError) -> str:
    """What the system refused that no command foresaw, in one line with what to do."""
    told = reason(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{told}; {remedy(error, '')}"
    if error.filename is not None:
        advice = remedy(error, "check this file, or choose another place")
        return f"{str(error.filename)!r}: {told}; {advice}"
    return f"the output cannot be printed ({told}); free some space or print elsewhere"


def _no_memory() -> str:
    """Say that memory did not suffice, and which limit of the shell was met if there is one."""
    if not (found := limits.process()):
        return "out of memory; use a smaller image, or fewer --candidates"
    size, what = min(found)
    return f"out of memory: {what} {size / (1 << 30):.1f} GB; raise that or use a smaller image"


def _say(text: str) -> None:
    with suppress(OSError):  # nobody can be told
        click.echo(f"Error: {text}", err=True)
