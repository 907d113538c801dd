"""`python -m bench`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.errors import BenchError, ExitCode, UsageError
from bench.inert import inert

__all__ = ["main"]


def main() -> int:
    """Run the command line; the result is the exit code.

    `bench.errors.ExitCode` says what each means.
    """
    from bench.cli.app import run  # noqa: PLC0415  (an import error becomes a plain traceback, not half a command line)

    try:
        return run()
    except BenchError as error:
        # One line, whatever names from outside are in it.
        print(f"bench: {inert(str(error))}", file=sys.stderr)  # noqa: T201  (for the user)
        return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


if __name__ == "__main__":
    # `python -m` looks for modules where the user stands first, which `bench` does not: a `datasets.py` there is the user's.
    if not sys.flags.safe_path and sys.path[0] != str(Path(__file__).parents[1]):
        del sys.path[0]
    raise SystemExit(main())
