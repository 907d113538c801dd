"""A comparison in a notebook: the headline above the table, as HTML that any front end shows."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from .tables.cells import batches, cell, column_title, first_note, letters_note, majority_note, one_line, remark, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["comparison_html"]


def comparison_html(comparison: Comparison, *, title: str = "") -> str:
    """Write headline, warnings and table of a comparison, of many rows the families folded; no HTML comes from outside."""
    rows = comparison.arrangement
    above = [f"<h4>{escape(one_line(title))}</h4>"] if title else []
    notes = [*comparison.warnings, letters_note(comparison), majority_note(comparison)]
    return "\n".join(
        [
            *above,
            f"<p><strong>{escape(one_line(comparison.headline))}</strong></p>",
            *([f"<p>{escape(first_note(comparison))}</p>"] if rows.is_grouped else []),
            _table(rows.first, comparison),
            *(
                f"<details><summary>{escape(family.title)}: {escape(family.about)}</summary>"
                f"{_table(family.results, comparison)}</details>"
                for family in rows.groups
            ),
            *(f"<p>{escape(one_line(note))}</p>" for note in notes if note),
        ]
    )


def _table(results: Sequence[StrategyResult], comparison: Comparison) -> str:
    metrics = shown(comparison)
    lines = [[_name(row, comparison), *(_cell(row, metric, comparison) for metric in metrics)] for row in results]
    return str(pd.DataFrame(lines, columns=["strategy", *map(column_title, metrics)]).to_html(index=False, border=0))


def _name(row: StrategyResult, comparison: Comparison) -> str:
    known = "reference" if row.is_reference else remark(row, comparison, with_reason=False)
    said = "; ".join(filter(None, (known, batches(row, comparison))))
    return one_line(f"{row.strategy} ({said})" if said else row.strategy)


def _cell(row: StrategyResult, metric: str, comparison: Comparison) -> str:
    one = cell(row, metric, comparison)
    return " ".join(part for part in (one.value, one.against and f"({one.against})", one.group) if part)
