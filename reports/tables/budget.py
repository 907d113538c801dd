"""The strategies under a budget as a table: each bound with the value against it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import NOT_MEASURED
from bench.records.metrics import METRICS, format_bytes, format_seconds

from .cells import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.recommending.bounds import BoundName, Verdict
    from bench.recommending.judged import Judged
    from bench.recommending.recommend import Recommendation

__all__ = ["BudgetCell", "BudgetLine", "budget_lines", "budget_title", "budget_titles"]

_MARKS: dict[Verdict, str] = {"within": "\N{CHECK MARK}", "open": "?", "beyond": "\N{MULTIPLICATION X}"}


@dataclass(frozen=True, slots=True)
class BudgetCell:
    """The value of one strategy against one bound."""

    text: str
    bounds: str = ""
    verdict: Verdict | None = None
    """None where no run finished."""

    @property
    def marked(self) -> str:
        """The value, and how it keeps to the bound."""
        return self.text if self.verdict is None else f"{_MARKS[self.verdict]} {self.text}"


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One strategy under a budget."""

    strategy: str
    said: str
    """What came of it, in a word or two."""
    cells: tuple[BudgetCell, ...]
    """By bound, in the order of the titles."""


def budget_title(recommendation: Recommendation) -> str:
    """Name what the table holds."""
    return f"Every strategy under the budget, with {100 * (1 - recommendation.budget.risk):.4g}% intervals"


def budget_titles(recommendation: Recommendation) -> tuple[str, ...]:
    """Name the columns of the bounds: "memory, at most 16 GiB"."""
    budget = recommendation.budget
    score = next((one.result.quality.word for one in recommendation.judged), "")
    said: dict[BoundName, Callable[[float], str]] = {
        "memory": lambda limit: f"memory, at most {format_bytes(limit)}",
        "max_time": lambda limit: f"time, at most {format_seconds(limit)}",
        "min_accuracy": lambda limit: f"{score}, at least {limit:.1%}",
    }
    return tuple(said[bound](getattr(budget, bound)) for bound in _bounds(recommendation))


def budget_lines(recommendation: Recommendation) -> Iterator[BudgetLine]:
    """Write a line for every strategy, the recommended one first."""
    bounds = _bounds(recommendation)
    for one in recommendation.judged:
        cells = tuple(_cell(one, bound) for bound in bounds)
        yield BudgetLine(one_line(one.strategy), _said(one, recommendation), cells)


def _bounds(recommendation: Recommendation) -> tuple[BoundName, ...]:
    budget = recommendation.budget
    names: tuple[BoundName, ...] = ("memory", "max_time", "min_accuracy")
    return tuple(name for name in names if getattr(budget, name) is not None)


def _cell(one: Judged, bound: BoundName) -> BudgetCell:
    found = next((finding for finding in one.findings if finding.bound == bound), None)
    if found is None:
        return BudgetCell(NOT_MEASURED)
    metric, interval = METRICS[found.metric], found.interval
    if interval is None:
        return BudgetCell(NOT_MEASURED, verdict=found.verdict)
    bounds = "" if interval.bounds is None else " to ".join(map(metric.format, interval.bounds))
    return BudgetCell(metric.format(interval.estimate), bounds, found.verdict)


def _said(one: Judged, recommendation: Recommendation) -> str:
    if one.strategy == recommendation.strategy:
        return "recommended"
    if one.strategy == recommendation.runner_up:
        return "runner-up"
    told = {"fits": "fits", "open": "not settled", "out": "falls out"}[one.standing]
    return told if one.basis == "measured" else f"{told}, {'only forecast' if one.basis == 'forecast' else one.basis}"
