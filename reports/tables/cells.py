"""The cells of the main table as text, the same for the terminal, Markdown and the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import ENDINGS, NOT_MEASURED, bounds, change, listed
from bench.inert import inert
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = [
    "Cell",
    "batches",
    "cell",
    "column_title",
    "first_note",
    "first_title",
    "letters_note",
    "majority_note",
    "notes",
    "one_line",
    "remark",
    "shown",
]

_LONGEST_GROUP = 8
"""Letters that a reader can still compare."""

_OF_SEVERAL = ("num_processes", "smallest_rank_bytes", "communication_share")
"""Metrics of runs that several processes share."""

_UNIT_IN_TITLE = {"samples/s", "tokens/s", "nats"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, and beside it what it means against the reference."""

    value: str
    against: str = ""
    bounds: str = ""
    group: str = ""
    """Letters: two strategies share one exactly if no difference between them is claimed."""


def shown(comparison: Comparison) -> tuple[str, ...]:
    """Return the metrics of the main table, those that decide first; the others are listed apart."""
    several = _OF_SEVERAL if comparison.has_several_processes else ()
    return (*comparison.quality.headlines, "train_seconds", "num_trainable_params", *several)


def column_title(metric: str) -> str:
    """Name a metric, with its unit where the values do not carry it."""
    named = METRICS[metric]
    return f"{named.label} ({named.unit})" if named.unit in _UNIT_IN_TITLE else named.label


def cell(result: StrategyResult, metric: str, comparison: Comparison | None = None) -> Cell:
    """Write one metric of one strategy. A value that was not measured is a dash, never zero.

    Where the comparison is given, the letters of its ties stand beside the value.
    """
    kind, value = METRICS[metric], result.means[metric]
    if value is None:
        return Cell(NOT_MEASURED)
    text = kind.format(value)
    interval = result.relative[metric]
    group = _letters(comparison, metric).get(result.strategy, "") if comparison else ""
    if result.is_reference and kind.compare == "ratio":
        return Cell(text, change(kind, 1), group=group)
    if interval is None:
        return Cell(text, group=group)
    claim = comparison.ranking.claims.about(metric, result.strategy, comparison.reference or "") if comparison else None
    against = change(kind, interval.estimate, is_told=claim is not None and claim.is_detected)
    return Cell(text, against, bounds(kind, interval, scope=False), group)


def remark(result: StrategyResult, comparison: Comparison, *, with_reason: bool = True) -> str:
    """What a reader must know of a strategy beside its numbers: how it ended (and why), and what is doubtful.

    What is true of all strategies stands in the notes instead.
    """
    bad = [record for record in result.records if record.status != "ok"]
    said = []
    if bad:
        share = f" for {len(bad)} of {len(result.records)} seeds" if result.finished else ""
        why = f": {one_line(result.reason)}" if result.reason and with_reason else ""
        said.append(f"{ENDINGS[bad[0].status]}{share}{why}")
    said += dict.fromkeys(flag.message for flag in result.flags if flag.code == "micro-batch-halved")
    if result.doubts:
        said.append("suspect")
    if result.beats_majority is False and not comparison.none_beats_majority:
        said.append(f"not shown to beat the majority class ({result.majority_quality:.1%})")
    return "; ".join(said)


def batches(result: StrategyResult, comparison: Comparison) -> str:
    """Write the most rows of a forward pass beside those of a step, where any strategy takes its batch in parts; else empty."""
    return f"micro-batch {result.micro_batch_size} of {result.batch_size}" if comparison.tells_batches else ""


def first_title(comparison: Comparison) -> str:
    """Name what the first table holds."""
    rows = comparison.arrangement
    if not rows.is_grouped:
        return "Every strategy, failed ones too"
    others = [result for result in rows.first if result.strategy not in rows.frontier]
    names = ["the frontier"] if len(others) < len(rows.first) else []
    names += ["the reference"] if any(result.is_reference for result in others) else []
    names += ["what the headline names"] if any(not result.is_reference for result in others) else []
    return listed(names).capitalize()


def first_note(comparison: Comparison) -> str:
    """Which of many strategies come first, and where the others are."""
    rows, quality = comparison.arrangement, comparison.quality.word
    families = f"follow by family, the highest {quality} first."
    if not rows.frontier:
        return f"{len(comparison.results)} strategies, and none is known to be preferable. They {families}"
    num, shown_here = len(rows.frontier), sum(result.strategy in rows.frontier for result in rows.first)
    some = f" (here {shown_here}, the best in {quality}, memory and speed)" if shown_here < num else ""
    return (
        f"On the frontier: {num} of {len(comparison.results)}{some}. No other is detected to be better than one of them in "
        f"speed, memory or {quality} and worse in none. The rest {families}"
    )


def notes(comparison: Comparison) -> str:
    """What the second numbers of the table are, and what its intervals rest on."""
    known = [result.relative[metric] for result in comparison.results for metric in shown(comparison)]
    methods = list(dict.fromkeys(interval.method for interval in known if interval and interval.bounds))
    against = f"Factors and points are against {comparison.reference}." if comparison.reference else ""
    rest = f"Intervals are 95%: {'; '.join(methods)}." if methods else ""
    parts = (against, rest, letters_note(comparison), majority_note(comparison), "A dash is not measured.")
    return " ".join(part for part in parts if part)


def majority_note(comparison: Comparison) -> str:
    """That no strategy is shown to have learnt; empty where one is, and where there is one alone."""
    if not comparison.none_beats_majority:
        return ""
    share = next(result.majority_quality for result in comparison.results if result.majority_quality is not None)
    return f"No strategy is shown to beat the majority class ({share:.1%})."


def letters_note(comparison: Comparison) -> str:
    """What the letters mean; empty where there are none."""
    if not any(_letters(comparison, metric) for metric in shown(comparison)):
        return ""
    if not comparison.arrangement.is_grouped:
        return "Strategies that share a letter in a column are tied there (all pairs, Holm, 5%)."
    num = len(comparison.ranking.names)
    return (
        f"Strategies that share a letter in a column of the first table are tied there. All {num * (num - 1) // 2:,} pairs "
        f"of the {num} ranked strategies are tested in each metric, Holm at 5% for all together: the strictest test is at "
        f"{comparison.ranking.level * 100:.1g}%."
    )


def _letters(comparison: Comparison, metric: str) -> dict[str, str]:
    """The letters of a column; none where many strategies are tied in so many ways that nobody could read them."""
    letters = comparison.arrangement.letters.get(metric, {})
    return letters if max(map(len, letters.values()), default=0) <= _LONGEST_GROUP else {}


def one_line(text: str) -> str:
    """Put any text on one line that nothing obeys."""
    return " ".join(inert(text).split())
