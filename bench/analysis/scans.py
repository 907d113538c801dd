"""Strategies that were run at several values of one setting, all else equal: lines to draw over that setting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis import provenance
from bench.experiment.spec import Term, format_strategy
from bench.records.comparability import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

    _Settings = tuple[tuple[str, Hashable], ...]
    _Found = tuple[
        str, float, dict[str, Hashable]
    ]  # a name, the value of the setting, and all that was asked beside it

__all__ = ["Point", "Scan", "by_length", "by_rate"]


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy at one value of the setting."""

    value: float
    result: StrategyResult


@dataclass(frozen=True, slots=True)
class Scan:
    """One line: the setting rises, and nothing else differs."""

    name: str
    points: tuple[Point, ...]


def by_length(comparisons: Sequence[Comparison]) -> tuple[Scan, ...]:
    """Find the strategies that were run at several maximal lengths."""
    return _scans(comparisons, _length)


def by_rate(comparisons: Sequence[Comparison]) -> tuple[Scan, ...]:
    """Find the strategies that were run at several learning rates, given for the run or by an option of their own."""
    return _scans(comparisons, _rates)


def _length(result: StrategyResult) -> Iterator[_Found]:
    others = asked(result.records[0].spec)
    yield result.strategy, float(str(others.pop("max_length"))), others


def _rates(result: StrategyResult) -> Iterator[_Found]:
    """Find each rate that the user chose; an option is one where a layer learnt at just that rate."""
    spec = result.records[0].spec
    others = asked(spec)
    if spec.lr is not None:
        yield result.strategy, spec.lr, {name: value for name, value in others.items() if name != "lr"}
    learnt = [layer.lr for layer in result.layer_rates if layer.lr is not None]
    for place, term in enumerate(spec.strategy):
        for option, text in term.options:
            value = _number(text)
            if any(math.isclose(value, rate, rel_tol=1e-6) for rate in learnt):
                masked = Term(
                    name=term.name, options=tuple((key, "*" if key == option else text) for key, text in term.options)
                )
                yield format_strategy((*spec.strategy[:place], masked, *spec.strategy[place + 1 :])), value, others


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _scans(comparisons: Sequence[Comparison], read: Callable[[StrategyResult], Iterator[_Found]]) -> tuple[Scan, ...]:
    lines: dict[tuple[str, _Settings], dict[float, StrategyResult]] = {}
    for comparison in comparisons:
        where = {"device": provenance.devices(comparison)}
        for result in comparison.results if not comparison.mismatches else ():
            for name, value, others in read(result) if result.finished else ():
                lines.setdefault((name, tuple((others | where).items())), {})[value] = result
    several = {key: line for key, line in lines.items() if len(line) > 1}
    shared = set.intersection(*(set(settings) for _, settings in several)) if several else set()
    return tuple(
        Scan(
            ", ".join((name, *(provenance.setting(*each) for each in settings if each not in shared))),
            tuple(Point(value, line[value]) for value in sorted(line)),
        )
        for (name, settings), line in several.items()
    )
