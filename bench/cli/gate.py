"""The gate from the request to the exit code: what `bench gate` does."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bench.errors import ExitCode, UsageError
from bench.gate.request import Sides, make_directory, margins_of, names_file, one_side, with_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import reports
    from bench.gate.judging.judgement import Judgement
    from bench.gate.judging.margins import Margins
    from bench.gate.request import FormatName
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = [
    "conclude",
    "gate",
    "never_red",
]


def gate(
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
    work = _work(sides, margins, out)
    return never_red(lambda: conclude(work(), strict=strict, out=out, kind=kind))


def conclude(
    judgement: Judgement, *, strict: bool = False, out: Path | None = None, kind: FormatName | None = None
) -> int:
    """Show a judgement, write its forms and tell GitHub where that runs it; the result is the exit code."""
    from bench.gate.outputs import announce, render, show, write  # noqa: PLC0415  (pydantic, which --help does without)

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


def _work(sides: Sides, margins: Margins, out: Path | None) -> Callable[[], Judgement]:
    """Find out what to judge, and whether that can be done at all, before anything is done."""
    from bench.gate.judging.baseline import is_baseline  # noqa: PLC0415

    if sides.run is not None:
        from bench.gate.sampling.projects import project_gate  # noqa: PLC0415

        return project_gate(sides, (one_side("--base", sides.base), one_side("--head", sides.head)), margins, out)
    if len(sides.base) == 1 and is_baseline(base := Path(sides.base[0])):
        from bench.gate.sampling.against import against  # noqa: PLC0415

        return against(sides, base, margins)
    if len(sides.base) == 1 and names_file(sides.base[0]) and not base.is_file():
        msg = f"--base {base}: no such file; name a baseline, or files of pytest-benchmark"
        raise UsageError(msg)
    words = (*sides.base, *sides.head)
    if words and all(map(names_file, words)):
        from bench.gate.judging.pytest_benchmark import judge_benchmarks  # noqa: PLC0415

        befores, afters = ([Path(word) for word in side] for side in (sides.base, sides.head))
        return lambda: judge_benchmarks(befores, afters, margins)
    from bench.executors.devices import choose_device  # noqa: PLC0415
    from bench.gate.sampling.sides import find_side  # noqa: PLC0415
    from bench.gate.sampling.subject import gather  # noqa: PLC0415

    one, other = one_side("--base", sides.base), one_side("--head", sides.head)
    if one is None and sides.base_python is None:
        msg = "--base is missing: name a checkout, a git ref or files; or an environment by --base-python"
        raise UsageError(msg)
    checkouts = find_side("--base", one, sides.base_python), find_side("--head", other, sides.head_python)
    subject = gather(sides.settings, sides.config, choose_device)

    def measure() -> Judgement:
        from bench.gate.sampling.calibrations import look_up  # noqa: PLC0415
        from bench.gate.sampling.session import Session  # noqa: PLC0415
        from bench.gate.sampling.sides import hold  # noqa: PLC0415

        say = Console(stderr=True).print
        with hold(*checkouts) as held:
            session = Session(
                held,
                subject,
                margins=margins,
                say=lambda text: say(Text(text), soft_wrap=True),
                refusals=partial(look_up, subject.work, margins),
            )
            return session.judge()

    return measure
