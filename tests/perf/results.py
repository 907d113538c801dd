"""What the benchmarks found, as Markdown for docs/performance.md: tables, and a line for every factor that is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring.environment import fingerprint
from bench.training.target import target
from tests.perf.side import DEVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.analysis.intervals import Interval
    from bench.records.record import Environment

__all__ = ["Results", "environment", "in_words", "number"]

Row = dict[str, str]


class Results:
    """Gathers rows while the benchmarks run, and writes them when they are done."""

    def __init__(self, command: str) -> None:
        """Note the command that reproduces it all."""
        self._command = command
        self._tables: dict[str, list[Row]] = {}
        self._verdicts: list[str] = []

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self._tables)

    def add(self, title: str, row: Mapping[str, str]) -> str:
        """Add a row to the table of that title, and say it in one line."""
        self._tables.setdefault(title, []).append(dict(row))
        return ", ".join(f"{name}: {value}" for name, value in row.items() if value)

    def judge(self, what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        """Note whether a value is where it should be; a machine that is busy may make it miss, so that it fails no test."""
        is_met = (least is None or value >= least) and (most is None or value <= most)
        wanted = f"at least {least:g}" if least is not None else f"at most {most:g}"
        self._verdicts.append(f"{'PASS ' if is_met else 'SHORT'} {what}: {number(value)}, {wanted}")

    def markdown(self) -> str:
        """Write the tables with machine and command, and the verdicts below."""
        tables = [f"{title}:\n\n{_table(rows)}" for title, rows in self._tables.items()]
        return "\n\n".join([*tables, f"{machine()}; `{self._command}`.", "\n".join(self._verdicts)]).rstrip() + "\n"


def environment() -> Environment:
    """Describe where the benchmarks run."""
    return fingerprint(DEVICE, {}, RunSpec(strategy=parse_strategy("full")))


def machine() -> str:
    """Say in one line what was measured on."""
    seen = environment()
    versions = ", ".join(f"{name} {seen.versions[name]}" for name in ("torch", "transformers"))
    bf16 = "native bf16" if target(DEVICE).has_native_bf16 else "no native bf16"
    threads = (
        ""
        if seen.num_threads == seen.num_cores
        else f", {seen.num_threads} thread{'s' if seen.num_threads > 1 else ''}"
    )
    gpu = "" if DEVICE.type == "cpu" else f"{seen.device_name}, "
    return f"{gpu}{seen.host_cpu}, {seen.num_cores} cores{threads}, {bf16}, {versions}"


def command(arguments: str) -> str:
    """Write the command as it was given, with the settings that shorten or lengthen it."""
    settings = (f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("BENCH_PERF_"))
    return " ".join([*settings, "tox -e perf --", arguments])


def number(value: float) -> str:
    """Write a number with three significant digits, and whole from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def in_words(interval: Interval) -> str:
    """Write a factor with its bounds."""
    bounds = f" ({interval.low:.2f} to {interval.high:.2f})" if interval.bounds else ""
    return f"**{interval.estimate:.2f}**{bounds}"


def _table(rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([row.get(name, "") for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
