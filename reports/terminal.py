"""The comparison in a terminal: every strategy against the reference, then the headline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.analysis.words.data import in_brief
from bench.analysis.words.numbers import percent

from .tables.cells import batches, cell, column_title, first_note, letters_note, majority_note, one_line, remark, shown
from .tables.classes import class_table
from .tables.fitting import Fitting, Line, fold
from .tables.flagged import codes_by_strategies

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.recommending.recommend import Recommendation

__all__ = ["recommendation_text", "summary_table"]

_MOST_CLASSES, _MOST_STRATEGIES = 10, 4
_TITLE = 14
"""Characters of the title of a column of the table of classes."""
_MOST_TOLD = 8
"""Strategies of which each has its sentence."""


def summary_table(comparison: Comparison, *, title: str = "", with_data: bool = True) -> RenderableType:
    """Draw the table, the headline and the sentences. No text from outside is read as markup.

    A title stands above, and what was read, which `with_data` leaves out where it was shown before.
    """
    metrics = shown(comparison)
    rows = comparison.arrangement
    table = Fitting(
        tuple(map(column_title, metrics)),
        tuple(_line(result, comparison) for result in rows.first),
        tuple(
            (
                f"{family.title} ({len(family.results)})",
                tuple(_line(result, comparison, is_brief=True) for result in family.results),
            )
            for family in rows.families  # why others did not finish is said below
        ),
    )
    key = [Text(said, style="dim") for said in (letters_note(comparison), majority_note(comparison)) if said]
    above = [Text(one_line(title), style="bold underline")] if title else []
    read = comparison.data if with_data else ()
    above += [Text(one_line(f"{about}: {said}"), style="dim") for data in read for about, said in in_brief(data)]
    above += [Text(), Text(first_note(comparison))] if rows.is_grouped else []
    warned = [Text(one_line(warning), style="yellow") for warning in comparison.warnings]
    headline = Text(one_line(comparison.headline), style="bold")
    return Group(
        *above,
        Text(),
        table,
        Text(),
        *key,
        *_by_class(comparison),
        Text(),
        headline,
        *warned,
        _listed([*_spoken(comparison), *_flags(comparison)]),
    )


def recommendation_text(recommendation: Recommendation) -> RenderableType:
    """Write what is recommended under a budget, and why."""
    headline = Text(one_line(recommendation.headline), style="bold")
    return Group(headline, _listed([Text(one_line(sentence)) for sentence in recommendation.sentences]))


def _listed(said: list[Text]) -> Table:
    """List sentences, their further lines indented."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for one in said:
        table.add_row("-", one)
    return table


def _spoken(comparison: Comparison) -> list[Text]:
    """Return the sentences; of many strategies not how each stands, which is in the table."""
    is_long = len(comparison.results) > _MOST_TOLD
    said = [one.text for one in comparison.said if not is_long or one.about != "standing"]
    if len(said) < len(comparison.said):
        said.append(f"How each strategy stands to {comparison.reference}, with its interval, is in the report.")
    return [Text(one_line(text)) for text in said]


def _flags(comparison: Comparison) -> list[Text]:
    """Return the codes of the flags; the report says what they mean."""
    return [Text(f"Flags of {who}: {codes}.", style="yellow") for who, codes in codes_by_strategies(comparison).items()]


def _by_class(comparison: Comparison) -> list[RenderableType]:
    """F1 of the most frequent classes and the first strategies; the report has more."""
    found = class_table(comparison, most_classes=_MOST_CLASSES, most_strategies=_MOST_STRATEGIES)
    if found is None:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("F1 by class", overflow="fold")
    for title in ("rows", *found.strategies):
        table.add_column(Text(fold(one_line(title), _TITLE)), justify="right", overflow="fold")
    for line in found.lines:
        scores = (percent(score.f1 if score else None) for score in line.scores)
        table.add_row(Text(line.name), f"{line.num_rows:,}", *scores)
    return [table, Text(found.note, style="dim")]


def _line(result: StrategyResult, comparison: Comparison, *, is_brief: bool = False) -> Line:
    """Write a row; one that is brief has its values alone."""
    said = remark(result, comparison, with_reason=False)  # the sentence below the table says why, in the full width
    cells = (cell(result, metric, comparison) for metric in shown(comparison))
    return Line(
        one_line(result.strategy),
        _tag(result, comparison),
        ((said, "yellow" if result.finished else "red"),) if said else (),
        tuple(
            (one.value, "" if is_brief else " ".join(part for part in (one.against, one.group) if part))
            for one in cells
        ),
    )


def _tag(result: StrategyResult, comparison: Comparison) -> str:
    is_on = result.strategy in comparison.arrangement.frontier
    tags = ("reference" if result.is_reference else "", "frontier" if is_on else "", batches(result, comparison))
    return ", ".join(filter(None, tags))
