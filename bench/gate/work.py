"""What a gate has to judge, found out before anything is measured: files, a baseline, or two sides that take turns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.executors.devices import choose_device
from bench.gate.judging.baseline import is_baseline
from bench.gate.judging.pytest_benchmark import judge_benchmarks
from bench.gate.request import names_file, one_side
from bench.gate.sampling.against import against
from bench.gate.sampling.calibrations import look_up
from bench.gate.sampling.projects import project_gate
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gate.judging.judgement import Judgement
    from bench.gate.judging.margins import Margins
    from bench.gate.request import Sides

__all__ = ["work_of"]


def work_of(sides: Sides, margins: Margins, out: Path | None, say: Callable[[str], None]) -> Callable[[], Judgement]:
    """Return what is to be done for a judgement, which `say` hears of.

    Raises:
        UsageError: it cannot be done at all: a side cannot be read, or the sides do not go together.

    """
    if sides.run is not None:
        return project_gate(sides, margins, out, say)
    if len(sides.base) == 1 and is_baseline(base := Path(sides.base[0])):
        return against(sides, base, margins)
    if len(sides.base) == 1 and names_file(sides.base[0]) and not base.is_file():
        raise UsageError(f"--base {base}: no such file; name a baseline, or files of pytest-benchmark")
    words = (*sides.base, *sides.head)
    if words and all(map(names_file, words)):
        befores, afters = ([Path(word) for word in side] for side in (sides.base, sides.head))
        return lambda: judge_benchmarks(befores, afters, margins)
    one, other = one_side("--base", sides.base), one_side("--head", sides.head)
    if one is None and sides.base_python is None:
        raise UsageError("--base is missing: name a checkout, a git ref or files; or an environment by --base-python")
    checkouts = find_side("--base", one, sides.base_python), find_side("--head", other, sides.head_python)
    subject = gather(sides.settings, sides.config, choose_device)

    def measure() -> Judgement:
        with hold(*checkouts) as held:
            session = Session(
                held,
                subject,
                margins=margins,
                say=say,
                refusals=partial(look_up, subject.work, margins),
            )
            return session.judge()

    return measure
