"""Margins of the gate in `bench.toml`, by strategy and metric.

[gate]
margin = 0.05                    # of step times, as a share

[gate.margins."freeze:last=2"]
step_seconds_median = 0.1
peak_memory_bytes = 0.03
accuracy = 0.02                  # two points
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.errors import UnknownName, UsageError
from bench.files import read_config
from bench.gate.judge import MARGIN, TIME_METRICS
from bench.spec import format_strategy, parse_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Margins", "read_margins"]


_METRICS = (*TIME_METRICS, "peak_memory_bytes", "accuracy")


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse head may be: a share, of accuracy too."""

    default: float = MARGIN
    """Of step times."""
    strategies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By the name of a strategy, then by metric."""

    def of(self, strategy: str) -> dict[str, float]:
        """Give the margins of a strategy, by metric; what is absent has the default of its own rule."""
        return dict.fromkeys(TIME_METRICS, self.default) | dict(self.strategies.get(strategy, {}))


def read_margins(path: Path | None) -> Margins:
    """Read the table [gate] of a file; without a file, or such a table in it, the margins are the default ones.

    Raises:
        UsageError: the file cannot be read, or a margin is no share.
        UnknownName: a key, metric or strategy is unknown.

    """
    table = {} if path is None else _table(path)
    _check_keys(f"key of [gate] in {path}", table, ("margin", "margins"))
    margins = table.get("margins", {})
    if not isinstance(margins, dict) or not all(isinstance(by_metric, dict) for by_metric in margins.values()):
        msg = f'{path}: write margins as tables by strategy: [gate.margins."freeze"]'
        raise UsageError(msg)
    strategies = {}
    for name, by_metric in margins.items():
        terms = parse_strategy(name)
        registry.check(terms)
        _check_keys(f"metric of the gate in {path}", by_metric, _METRICS)
        strategies[format_strategy(terms)] = {
            metric: _share(path, f"margins.{name}.{metric}", value) for metric, value in by_metric.items()
        }
    return Margins(_share(path, "margin", table.get("margin", MARGIN)), strategies)


def _table(path: Path) -> dict[str, Any]:
    table = read_config(path).get("gate", {})
    if not isinstance(table, dict):
        msg = f"{path}: gate is a table: [gate]"
        raise UsageError(msg)
    return table


def _check_keys(kind: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise UnknownName(kind, key, known)


def _share(path: Path | None, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        msg = f"{path}: {key} is {value!r}; a margin is a share between 0 and 1, such as 0.05"
        raise UsageError(msg)
    return float(value)
