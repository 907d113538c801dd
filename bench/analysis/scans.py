"""Strategies that were run at several values of one setting, all else equal: lines to draw over that setting."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.analysis import provenance
from bench.experiment.spec import Term, format_strategy
from bench.records.comparability import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

    _Settings = tuple[tuple[str, Hashable], ...]
    _Found = tuple[str, float, dict[str, Hashable]]
    """A name, the value of the setting, and all that was asked beside it."""

__all__ = ["Point", "Scan", "by_length", "by_rate", "extremes", "told_apart", "with_quality"]


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


def with_quality(scans: Sequence[Scan]) -> tuple[Scan, ...]:
    """Leave out the points whose quality was not measured, and what is no line without them."""
    known = (replace(scan, points=tuple(point for point in scan.points if _known_quality(point))) for scan in scans)
    return tuple(scan for scan in known if len(scan.points) > 1)


def extremes(scans: Sequence[Scan]) -> tuple[str, Point, Point]:
    """Find the line whose quality differs most, by name, with its worst and best point; all have a quality."""
    ends = {scan.name: (min(scan.points, key=_quality), max(scan.points, key=_quality)) for scan in scans}
    name = max(ends, key=lambda name: _quality(ends[name][1]) - _quality(ends[name][0]))
    return (name, *ends[name])


def told_apart(worst: Point, best: Point, comparisons: Sequence[Comparison]) -> bool:
    """Whether the best is detectably better: by the claim of a comparison of both, or by intervals of two comparisons."""
    for comparison in comparisons:
        if sum(result is worst.result or result is best.result for result in comparison.results) == 2:  # noqa: PLR2004
            ours, theirs = best.result.strategy, worst.result.strategy
            return comparison.ranking.claims.standing(comparison.quality.metric, ours, theirs) == 1
    low, high = worst.result.quality_interval, best.result.quality_interval
    return bool(low and high and low.bounds and high.bounds and low.bounds[1] < high.bounds[0])


def _known_quality(point: Point) -> bool:
    return point.result.means[point.result.quality.metric] is not None


def _quality(point: Point) -> float:
    quality = point.result.means[point.result.quality.metric]
    assert quality is not None, "others are left out"
    return quality


def _length(result: StrategyResult) -> Iterator[_Found]:
    others = asked(result.records[0].spec)
    yield result.strategy, float(str(others.pop("max_length"))), others


def _rates(result: StrategyResult) -> Iterator[_Found]:
    """Find each rate that the user chose; an option is one where a layer learnt at just that rate."""
    spec = result.records[0].spec
    others = asked(spec)
    if spec.lr is not None and not spec.has_own_lr:
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
