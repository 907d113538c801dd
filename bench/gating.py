"""The gate from the request to the exit code: what `bench gate` does."""

from __future__ import annotations

import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.comparison import Comparison
    from bench.gate.grammar import Rule
    from bench.gate.verdict import Judgement
    from bench.gate_command import FormatName

__all__ = ["RulesFile", "conclude", "gate", "never_red"]

_NOT_MEASURED = 4


def gate(
    base: Sequence[str],
    head: Sequence[str],
    *,
    margin: str = "5%",
    strict: bool = False,
    out: Path | None = None,
    kind: FormatName | None = None,
) -> int:
    """Judge head against base; the result is the exit code.

    Raises:
        UsageError: a side cannot be read, the sides do not go together, or the directory cannot be written.

    """
    share = _share(margin)
    if out is not None:
        make_directory(out)
    return never_red(lambda: conclude(_judge(base, head, share), strict=strict, out=out, kind=kind))


@dataclass(frozen=True, slots=True)
class RulesFile:
    """The rules that a comparison is judged by: `--gate rules.toml`."""

    name: str
    rules: tuple[Rule, ...]
    strict: bool = False

    @classmethod
    def read(cls, path: Path, *, strict: bool = False) -> RulesFile:
        """Read a file of rules.

        Raises:
            UsageError: it cannot be read, or holds something else than rules.

        """
        from bench.gate.grammar import read_rules  # noqa: PLC0415  (--help does without)

        return cls(path.name, read_rules(path), strict)

    def check(self, strategies: Iterable[str]) -> None:
        """Refuse a rule about a strategy that is not compared.

        Raises:
            UnknownName: a rule is about another strategy.

        """
        from bench.gate.rules import check_strategies  # noqa: PLC0415  (scipy)

        check_strategies(self.rules, strategies)

    def judge(self, comparison: Comparison, directory: Path, *, rank_suspect: bool = False) -> int:
        """Judge a comparison, show what came of it and write it beside the report; the result is the exit code.

        Raises:
            UnknownName: a rule is about a strategy that was not compared.

        """
        from bench.gate.rules import judge_rules  # noqa: PLC0415

        def work() -> int:
            judgement = judge_rules(self.rules, comparison, self.name, rank_suspect=rank_suspect)
            return conclude(judgement, strict=self.strict, out=directory)

        return never_red(work)


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
        from reports.gate_page import write_gate  # noqa: PLC0415  (plotting takes a second to import)

        write(judgement, out, strict=strict)
        write_gate(judgement, out)
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
        return _NOT_MEASURED


def make_directory(path: Path) -> None:
    """Make the directory of the outputs before anything is measured.

    Raises:
        UsageError: it cannot be made.

    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"--out {path}: {error.strerror}; name a directory that can be written"
        raise UsageError(msg) from error


def _judge(base: Sequence[str], head: Sequence[str], margin: float) -> Judgement:
    from bench.gate.benchmarks import judge_benchmarks  # noqa: PLC0415
    from bench.gate.judge import TIME_METRICS  # noqa: PLC0415

    margins = dict.fromkeys(TIME_METRICS, margin)
    if all(_is_file(side) for side in (*base, *head)):
        return judge_benchmarks([Path(side) for side in base], [Path(side) for side in head], margins)
    # Two checkouts or refs are sampled here.
    other = next(side for side in (*base, *head) if not _is_file(side))
    msg = f"{other}: give files that pytest --benchmark-json=NAME.json wrote, to --base as to --head"
    raise UsageError(msg)


def _is_file(side: str) -> bool:
    return side.lower().endswith(".json")


def _share(margin: str) -> float:
    """Read a percentage."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", margin.strip())
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share < 1:
        msg = f"--margin {margin}: give a percentage between 0% and 100%, such as 5%"
        raise UsageError(msg)
    return share
