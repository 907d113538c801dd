"""The comparison as Markdown, to paste into a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.analysis.data_words import in_full
from reports import provenance
from reports.cells import NOT_MEASURED, cell, column_title, notes, one_line, remark, shown
from reports.classes import class_table, share
from reports.flagged import flagged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.comparison import Comparison, Row
    from reports.chart import Chart
    from reports.parts import Part

__all__ = ["escape", "render_summary"]

_MOST_STRATEGIES = 12
"""Columns of the table of classes."""


def render_summary(parts: Iterable[Part], command: str | None, across: Iterable[Chart] = ()) -> str:
    """Write every comparison, and then the figures `across` them; no text from outside is read as markup."""
    return "\n".join([*(_part(part, command) for part in parts), *(f"{image}\n" for image in _images(across))])


def _part(part: Part, command: str | None) -> str:
    """Write what was read, headline, table, sentences, flags and figures."""
    comparison = part.comparison
    blocks = [
        f"### {escape(part.title)}",
        *(_bullets(f"{about}: {escape(said)}" for about, said in in_full(data)) for data in comparison.data),
        f"**{escape(comparison.headline)}**",
        "\n\n".join(f"> {escape(warning)}" for warning in comparison.warnings),
        _differences(comparison),
        _table(comparison),
        escape(notes(comparison)) if comparison.rows else "",
        _by_class(comparison),
        _bullets(map(escape, comparison.sentences)),
        _bullets(
            f"{escape(one.who)}: {escape(one.found)}. {escape(one.meaning)} {_code(one.code)}"
            for one in flagged(comparison)
        ),
        "\n".join(_images(part.figures.charts)),
        _origin(comparison),
        "" if command is None else f"Command: {_code(command)}",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """Make any text stand for itself in Markdown, on one line."""
    return re.sub(r"[\\`*_{}\[\]<>()#|~$&!@]", r"\\\g<0>", one_line(text))


def _images(charts: Iterable[Chart]) -> list[str]:
    return [f"![{escape(chart.alternative)}]({chart.name}.png)" for chart in charts if not chart.missing]


def _table(comparison: Comparison) -> str:
    if not comparison.rows:
        return ""
    lines = [
        ["strategy", *map(column_title, shown(comparison))],
        ["---", *("---:" for _ in shown(comparison))],
        *(
            [_name(row, comparison), *(_cell(row, metric, comparison) for metric in shown(comparison))]
            for row in comparison.rows
        ),
    ]
    return _lines(lines)


def _lines(lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _by_class(comparison: Comparison) -> str:
    """A table of the F1 of each class; empty where the records do not tell."""
    found = class_table(comparison, most_strategies=_MOST_STRATEGIES)
    if found is None:
        return ""
    lines = [
        ["F1 by class", "rows", *map(escape, found.strategies)],
        ["---", *("---:" for _ in ("rows", *found.strategies))],
        *(
            [
                escape(line.name),
                f"{line.num_rows:,}",
                *(share(score.f1) if score else NOT_MEASURED for score in line.scores),
            ]
            for line in found.lines
        ),
    ]
    return f"{_lines(lines)}\n\n{escape(found.note)}"


def _differences(comparison: Comparison) -> str:
    """A table of what differs that must not; empty where nothing does."""
    if not comparison.mismatches:
        return ""
    names = [row.strategy for row in comparison.rows]
    lines = [
        ["what differs", *map(escape, names)],
        ["---" for _ in ("field", *names)],
        *(
            [escape(mismatch.field), *(escape(mismatch.values.get(name, NOT_MEASURED)) for name in names)]
            for mismatch in comparison.mismatches
        ),
    ]
    return _lines(lines)


def _name(row: Row, comparison: Comparison) -> str:
    said = [escape(remark(row, comparison))] if remark(row, comparison) else []
    return "; ".join([f"**{escape(row.strategy)}**{' (reference)' if row.is_reference else ''}", *said])


def _cell(row: Row, metric: str, comparison: Comparison) -> str:
    written = cell(row, metric, comparison)
    within = f"({written.bounds})" if written.bounds else ""
    return " ".join(escape(part) for part in (written.value, written.against, within, written.group) if part)


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _origin(comparison: Comparison) -> str:
    facts = provenance.provenance(comparison)
    known = [
        f"{name} {facts[name]}" for name in ("device", "processor", "python", "versions", "commit") if name in facts
    ]
    return escape("; ".join([provenance.seeds(comparison), *known])) + "." if comparison.rows else ""


def _code(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {one_line(text)} {fence}"
