"""The table [gate] of `bench.toml`: margins, and benchmarks that may be missing.

[gate]
margin = 0.05                         # of times, as a share
allow_missing = ["tests/old.py::*"]   # benchmarks that head may have deleted

[gate.margins."freeze:last=2"]        # a strategy, where the gate trains
step_seconds_median = 0.1
training_memory_bytes = 0.03
accuracy = 0.02                       # two points

[gate.margins."tests/test_a.py::*"]   # benchmarks, where it judges files of pytest-benchmark
median = 0.1
mean = 0.2
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.spec import format_strategy, parse_strategy
from bench.files import read_toml
from bench.gate.judging.judgement import FILE_METRICS
from bench.inert import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["ACCURACY_MARGIN", "MARGIN", "MEMORY_MARGIN", "Margins", "margins_in", "matches", "read_margins"]

MARGIN, MEMORY_MARGIN, ACCURACY_MARGIN = 0.05, 0.02, 0.01
"""Of times, of memory, and of accuracy (one point), where none is given."""
_KEYS = ("margin", "margins", "allow_missing")
_TIMES = ("step_seconds_median", "step_seconds_mean")
_OF_STRATEGIES = {name: name for name in (*_TIMES, "training_memory_bytes", "accuracy")} | {
    "peak_memory_bytes": "training_memory_bytes"  # its former name
}
_OF_BENCHMARKS = {
    **dict(zip(("median", "mean"), FILE_METRICS, strict=True)),
    **dict(zip(_TIMES, FILE_METRICS, strict=True)),
    **dict.fromkeys(("peak_memory_bytes", "training_memory_bytes"), "peak_memory_bytes"),
}


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse head may be, as a share, also for accuracy."""

    default: float = MARGIN
    """The margin of times without one of their own."""
    strategies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Margins by name of a strategy, then by metric."""
    benchmarks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Margins by name of a benchmark, or a pattern of names, then by metric."""
    allow_missing: tuple[str, ...] = ()
    """Names of benchmarks, or patterns, that head may lack."""

    def of(self, strategy: str) -> dict[str, float]:
        """Return the margins of a strategy by metric."""
        others = {"training_memory_bytes": MEMORY_MARGIN, "accuracy": ACCURACY_MARGIN}
        return dict.fromkeys(_TIMES, self.default) | others | dict(self.strategies.get(strategy, {}))

    def of_benchmark(self, name: str) -> dict[str, float]:
        """Return the margins of a benchmark by metric: later patterns override earlier ones, its own name overrides all."""
        margins = dict.fromkeys(FILE_METRICS, self.default) | {"peak_memory_bytes": MEMORY_MARGIN}
        for pattern, by_metric in self.benchmarks.items():
            margins |= by_metric if matches(name, [pattern]) else {}
        return margins | dict(self.benchmarks.get(name, {}))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name matches one of these patterns; only * and ? are wildcards, since names may contain brackets."""
    return any(
        re.fullmatch(re.escape(one).replace(r"\*", ".*").replace(r"\?", "."), name, flags=re.DOTALL) for one in patterns
    )


def read_margins(path: Path | None) -> Margins:
    """Read the table [gate] of a file; the defaults without a file, or such a table in it.

    Raises:
        UsageError: the file cannot be read, or a margin is no share.
        UnknownName: a key, metric or strategy is unknown.

    """
    return Margins() if path is None else margins_in(read_toml(path).get("gate", {}), path)


def margins_in(table: object, path: Path) -> Margins:
    """Read the table [gate] of the file `path`; raises what `read_margins` does."""
    if not isinstance(table, dict):
        raise UsageError(f"{path}: gate is a table: [gate]")
    _check_keys(f"key of [gate] in {path}", table, _KEYS)
    margins = table.get("margins", {})
    if not isinstance(margins, dict) or not all(isinstance(by_metric, dict) for by_metric in margins.values()):
        raise UsageError(f'{path}: write margins as tables by strategy or benchmark: [gate.margins."freeze"]')
    strategies, benchmarks = {}, {}
    for name, by_metric in margins.items():
        known = _OF_BENCHMARKS if _is_benchmark(name) else _OF_STRATEGIES
        _check_keys(f"metric of the gate in {path}", by_metric, known)
        shares = {known[key]: _share(path, f"margins.{name}.{key}", value) for key, value in by_metric.items()}
        if _is_benchmark(name):
            benchmarks[name] = shares
        else:
            strategies[_strategy(name)] = shares
    allowed = table.get("allow_missing", [])
    if not isinstance(allowed, list) or not all(isinstance(one, str) for one in allowed):
        msg = f'{path}: allow_missing is {shown(allowed)}; give a list of names or patterns: ["tests/old.py::*"]'
        raise UsageError(msg)
    return Margins(_share(path, "margin", table.get("margin", MARGIN)), strategies, benchmarks, tuple(allowed))


def _is_benchmark(name: str) -> bool:
    """Whether a name is a test of pytest, or a pattern; a strategy is one word, or has : or + after its first, or is `FILE.py:NAME`."""
    return "::" in name or not re.match(r"\s*([\w.-]+(?<!\.py)\s*($|[:+])|[^*?]+\.py:)", name)


def _strategy(name: str) -> str:
    """Return the name of a strategy as findings have it."""
    terms = parse_strategy(name)
    registry.check(terms)
    return format_strategy(terms)


def _check_keys(kind: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in table:
        if key not in known:
            raise UnknownName(kind, key, known)


def _share(path: Path, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise UsageError(f"{path}: {key} is {shown(value)}; a margin is a share between 0 and 1, such as 0.05")
    return float(value)
