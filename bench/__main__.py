"""`python -m bench`."""

from __future__ import annotations

import os
import sys
from errno import EIO, ENOSPC, EPIPE
from io import TextIOWrapper
from pathlib import Path

from bench.ending import discard, interrupted_by_signals
from bench.errors import BenchError, ExitCode, UsageError
from bench.inert import inert

__all__ = ["main"]


def main() -> int:
    """Run the command line; the result is the exit code.

    `bench.errors.ExitCode` says what each means; a command that a signal ended gives 128 and its number, as shells do.
    """
    _open_closed_files()
    try:
        Path.cwd()
    except FileNotFoundError:
        print("bench: the directory you are in is gone; go to another", file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE
    with interrupted_by_signals() as ending:
        code = _run()
    return ending.exit_code if code == ExitCode.INTERRUPTED else code


def _open_closed_files() -> None:
    """Open what the shell closed (`>&-`) on nowhere: else the next file that is opened takes its place, and gets what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004  (stdin, stdout and stderr)
        os.set_inheritable(descriptor, True)  # noqa: FBT003
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  (for as long as the process lives)


def _run() -> int:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what an encoding lacks is no reason to end
    from bench.cli.app import run  # noqa: PLC0415  (an import error becomes a plain traceback, not half a command line)

    try:
        code = run()
        sys.stdout.flush()
    except BenchError as error:
        # One line, whatever names from outside are in it.
        print(f"bench: {inert(str(error))}", file=sys.stderr)  # noqa: T201  (for the user)
        return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED
    except KeyboardInterrupt:
        return _interrupted()
    except RuntimeError as error:
        if not isinstance(
            error.__cause__, KeyboardInterrupt
        ):  # Python 3.11's word for one that comes while a class is made
            raise
        return _interrupted()
    except OSError as error:
        if error.filename is not None or error.errno not in (EPIPE, ENOSPC, EIO):
            raise
        discard(1)  # what is left of it would be written at exit
        print(f"bench: stdout takes no more ({error.strerror}); what was measured is kept", file=sys.stderr)  # noqa: T201
        return ExitCode.FAILED
    return code


def _interrupted() -> ExitCode:
    print("bench: interrupted", file=sys.stderr)  # noqa: T201
    return ExitCode.INTERRUPTED


if __name__ == "__main__":
    # `python -m` looks for modules where the user stands first, which `bench` does not: a `datasets.py` there is the user's.
    if not sys.flags.safe_path and sys.path[0] != str(Path(__file__).parents[1]):
        del sys.path[0]
    raise SystemExit(main())
