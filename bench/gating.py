"""The gate from the request to the exit code: what `bench gate` does."""

from __future__ import annotations

import os
import re
import sys
import traceback
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.comparison import Comparison
    from bench.gate.grammar import Rule
    from bench.gate.margins import Margins
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject
    from bench.gate.verdict import Judgement
    from bench.gate_command import FormatName

__all__ = ["RulesFile", "Sides", "calibrate", "conclude", "gate", "make_directory", "never_red", "save_baseline"]

_NOT_MEASURED = 4
_HOW = {"device", "timeout"}
"""The settings that say how something is trained, not what."""
_CONFIG = Path("bench.toml")
"""Read where it is there and no other is named."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared, as the user says it."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    base_python: str | None = None
    head_python: str | None = None
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of a comparison, those that were given."""


def gate(
    sides: Sides,
    *,
    margin: str | None = None,
    strict: bool = False,
    out: Path | None = None,
    kind: FormatName | None = None,
) -> int:
    """Judge head against base; the result is the exit code.

    Raises:
        UsageError: a side cannot be read, the sides do not go together, or the directory cannot be written.

    """
    sides = _with_config(sides)
    margins = _margins(sides.config, margin)
    if out is not None:
        make_directory(out)
    work = _work(sides, margins)
    return never_red(lambda: conclude(work(), strict=strict, out=out, kind=kind))


def calibrate(sides: Sides, *, margin: str | None = None, strict: bool = False, out: Path | None = None) -> int:
    """Find out what a gate of head could find on this machine; the result is the exit code.

    Raises:
        UsageError: head cannot be read, there is a base, or the directory cannot be written.

    """
    from bench import baselines  # noqa: PLC0415  (--help does without)

    if sides.base or sides.base_python:
        msg = "--base: a calibration compares head with itself; leave base out"
        raise UsageError(msg)
    sides = _with_config(sides)
    margins = _margins(sides.config, margin)
    if out is not None:
        make_directory(out)
    head, subject = _side_and_subject(sides)
    return never_red(lambda: baselines.calibrate(head, subject, margins, strict=strict, out=out))


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


def make_directory(path: Path, option: str = "--out") -> None:
    """Make the directory of the outputs before anything is measured.

    Raises:
        UsageError: it cannot be made.

    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{option} {path}: {error.strerror}; name a directory that can be written"
        raise UsageError(msg) from error


def check_file(path: Path) -> None:
    """Refuse a file that cannot be written before anything is measured.

    Raises:
        UsageError: it is a directory, or its directory cannot be made or written.

    """
    make_directory(path.parent, "FILE")
    if path.is_dir() or not path.name or not os.access(path.parent, os.W_OK):
        msg = f"FILE {path}: no file can be written there; name one, such as baseline.json"
        raise UsageError(msg)


def _work(sides: Sides, margins: Margins) -> Callable[[], Judgement]:
    """Find out what to judge, and whether that can be done at all, before anything is done."""
    from bench.gate.baseline import is_baseline  # noqa: PLC0415

    if len(sides.base) == 1 and is_baseline(base := Path(sides.base[0])):
        return _against(sides, base, margins)
    if len(sides.base) == 1 and _is_file(sides.base[0]) and not base.is_file():
        msg = f"--base {base}: no such file; name a baseline, or files of pytest-benchmark"
        raise UsageError(msg)
    words = (*sides.base, *sides.head)
    if words and all(map(_is_file, words)):
        from bench.gate.benchmarks import judge_benchmarks  # noqa: PLC0415
        from bench.gate.judge import TIME_METRICS  # noqa: PLC0415

        befores, afters = ([Path(word) for word in side] for side in (sides.base, sides.head))
        return lambda: judge_benchmarks(befores, afters, dict.fromkeys(TIME_METRICS, margins.default))
    from bench.device import choose_device  # noqa: PLC0415
    from bench.gate.sampling.sides import find_side  # noqa: PLC0415
    from bench.gate.sampling.subject import gather  # noqa: PLC0415

    one, other = _one("--base", sides.base), _one("--head", sides.head)
    if one is None and sides.base_python is None:
        msg = "--base is missing: name a checkout, a git ref or files; or an environment by --base-python"
        raise UsageError(msg)
    checkouts = find_side("--base", one, sides.base_python), find_side("--head", other, sides.head_python)
    subject = gather(sides.settings, sides.config, choose_device)

    def measure() -> Judgement:
        from bench.gate.sampling.calibrations import look_up  # noqa: PLC0415
        from bench.gate.sampling.session import Session, hold  # noqa: PLC0415

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


def _against(sides: Sides, base: Path, margins: Margins) -> Callable[[], Judgement]:
    """Find out what to judge against a baseline."""
    from bench.baselines import against  # noqa: PLC0415
    from bench.device import choose_device  # noqa: PLC0415
    from bench.gate.baseline import is_baseline  # noqa: PLC0415
    from bench.gate.sampling.sides import find_side  # noqa: PLC0415
    from bench.settings import Settings  # noqa: PLC0415

    if sides.base_python:
        msg = f"--base-python: {base} is a baseline, which needs no interpreter; leave it out"
        raise UsageError(msg)
    if superfluous := sides.settings.keys() - _HOW:
        option = min(superfluous).replace("_", "-")
        msg = f"--{option}: a gate against a baseline does the same work as {base}; leave it out"
        raise UsageError(msg)
    head: Path | Checkout
    if len(sides.head) == 1 and (_is_file(sides.head[0]) or is_baseline(Path(sides.head[0]))):
        head = Path(sides.head[0])
    else:
        head = find_side("--head", _one("--head", sides.head), sides.head_python)
    # Of a file of settings, only what does not change the work.
    written = Settings.gather({}, config=sides.config).model_dump(include=_HOW, exclude_unset=True)
    return against(base, head, margins, {**written, **sides.settings}, choose_device)


def save_baseline(
    path: Path,
    *,
    side: str | None = None,
    python: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any],
) -> int:
    """Record a side for later gates; the result is the exit code.

    Raises:
        UsageError: the side cannot be read, or the file cannot be written.

    """
    from bench import baselines  # noqa: PLC0415  (--help does without)

    check_file(path)
    sides = _with_config(Sides((), () if side is None else (side,), None, python, config, settings))
    recorded = _side_and_subject(sides, "--side")
    return never_red(lambda: baselines.save(path, *recorded))


def _side_and_subject(sides: Sides, option: str = "--head") -> tuple[Checkout, Subject]:
    """Find the one side that takes turns with itself, and what it trains."""
    from bench.device import choose_device  # noqa: PLC0415
    from bench.gate.sampling.sides import find_side  # noqa: PLC0415
    from bench.gate.sampling.subject import gather  # noqa: PLC0415

    side = find_side(option, _one(option, sides.head), sides.head_python)
    return side, gather(sides.settings, sides.config, choose_device)


def _with_config(sides: Sides) -> Sides:
    return replace(sides, config=_CONFIG) if sides.config is None and _CONFIG.is_file() else sides


def _one(option: str, words: Sequence[str]) -> str | None:
    """Give the one checkout or ref of a side; None where none is named."""
    if not words:
        return None
    if len(words) > 1 or _is_file(words[0]):
        msg = f"{option} {' '.join(words)}: give one checkout or git ref a side, or files of pytest-benchmark on both, or one baseline as base"
        raise UsageError(msg)
    return words[0]


def _margins(config: Path | None, margin: str | None) -> Margins:
    from bench.gate.margins import read_margins  # noqa: PLC0415  (--help does without)

    margins = read_margins(config)
    return margins if margin is None else replace(margins, default=_share(margin))


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
