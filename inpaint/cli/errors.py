"""Turns errors into one line on stderr and an exit code; nothing else does."""

from __future__ import annotations

import io
import os
import sys

import click

from inpaint.errors import InpaintError, SelectionError, UnknownNameError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def guarded(command: click.Command, name: str) -> None:
    """Run ``command`` and exit; no traceback unless INPAINT_DEBUG is set."""
    # A path that is not UTF-8 must be printed as it came instead of failing to encode.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    try:
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
    except MemoryError:
        _say("out of memory; use a smaller image, or fewer --candidates")
        sys.exit(FAILED)
    except BrokenPipeError:
        # The reader of our stdout has gone; redirect it so that nothing is printed at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:
        if os.environ.get("INPAINT_DEBUG"):
            raise
        text = " ".join(str(error).split()) or "no message"
        _say(
            f"internal error, {type(error).__name__}: {text}; "
            "please report it with the output of the same command under INPAINT_DEBUG=1"
        )
        sys.exit(FAILED)


def _say(text: str) -> None:
    click.echo(f"Error: {text}", err=True)
