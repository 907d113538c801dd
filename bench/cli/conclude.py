"""A gate from the request to the exit code, and the end of every judgement: shown, written, told to GitHub."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from bench.errors import ExitCode, UsageError
from bench.gate.outputs import announce, render, show, write
from bench.gate.request import make_directory, margins_of, with_config
from bench.gate.work import work_of
from bench.inert import line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import reports
    from bench.gate.judging.judgement import Judgement
    from bench.gate.request import FormatName, Sides
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = ["conclude", "judge", "never_red"]


def judge(
    sides: Sides,
    *,
    margin: str | None = None,
    allow_missing: Sequence[str] = (),
    strict: bool = False,
    out: Path | None = None,
    kind: FormatName | None = None,
) -> int:
    """Judge head against base; the result is the exit code.

    Args:
        sides: What is compared.
        margin: How much slower head may be, as a percentage; None leaves it to the file of settings.
        allow_missing: Benchmarks, or patterns, that head need not have, beside those of the file.
        strict: Whether what noise leaves open has an exit code of its own.
        out: Where every form is written.
        kind: The form that is printed in place of the table.

    Raises:
        UsageError: a side cannot be read, the sides do not go together, or the directory cannot be written.

    """
    sides = with_config(sides)
    margins = margins_of(sides.config, margin)
    margins = replace(margins, allow_missing=(*margins.allow_missing, *allow_missing))
    if out is not None:
        make_directory(out)
    say = Console(stderr=True).print
    work = work_of(sides, margins, out, lambda text: say(line(text), soft_wrap=True))
    return never_red(lambda: conclude(work(), strict=strict, out=out, kind=kind))


def conclude(
    judgement: Judgement, *, strict: bool = False, out: Path | None = None, kind: FormatName | None = None
) -> int:
    """Show a judgement, write its forms and tell GitHub where that runs it; the result is the exit code."""
    if kind:
        sys.stdout.write(render(judgement, kind, strict=strict))
    else:
        show(judgement, Console())
    if out is not None:
        write(judgement, out, strict=strict)
        reports.write_gate(judgement, out)
    # A workflow reads commands from both streams, and a form that was asked for is to stay whole.
    sys.stderr.write(announce(judgement, os.environ))
    return judgement.exit_code(strict=strict)


def never_red(work: Callable[[], int]) -> int:
    """Do the work; a fault of the gate itself is "not measured", as Python's own exit code 1 would read as a regression.

    Raises:
        UsageError: the work raised it.

    """
    try:
        return work()
    except UsageError:
        raise
    except Exception:  # noqa: BLE001  (whatever it is, it is no regression)
        traceback.print_exc()
        return ExitCode.NOT_MEASURED
