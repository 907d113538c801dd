"""The comparison as Markdown, to paste into a pull request: what came out, one table, and the rest to be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import provenance
from bench.analysis.words.data import in_full
from bench.analysis.words.numbers import NOT_MEASURED, percent

from .marking import bullets, code, escape, folded, table
from .tables.budget import budget_lines, budget_title, budget_titles
from .tables.cells import batches, cell, column_title, first_note, letters_note, majority_note, notes, remark, shown
from .tables.classes import class_table
from .tables.differing import by_value
from .tables.flagged import codes_by_strategies, flagged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.recommending.recommend import Recommendation

    from .charts.chart import Chart
    from .parts import Part

__all__ = ["render_summary"]

_MOST_LINES = 5
"""Beside headline and table, before a reader opens the rest."""
_READ = ("read", "classes")
"""What a reader must know of the data before any number; the rest of it is folded away."""
_MOST_STRATEGIES = 12
"""Columns of the table of classes, and lines of the table of a figure."""


def render_summary(
    parts: Iterable[Part], command: str | None, across: Iterable[Chart] = (), *, figures_url: str | None = None
) -> str:
    """Write every comparison, and then the figures `across` them; no text from outside is read as markup.

    Figures are shown where their files can be reached, at `figures_url`; otherwise their tables are.
    """
    more = folded("Over a setting that varies", (_figure(chart, figures_url) for chart in across))
    return "\n".join([*(_part(part, command, figures_url) for part in parts), *([f"{more}\n"] if more else [])])


def _part(part: Part, command: str | None, figures_url: str | None) -> str:
    comparison = part.comparison
    read = [
        f"{about}: {escape(said)}" for data in comparison.data[:1] for about, said in in_full(data) if about in _READ
    ]
    blocks = [
        f"### {escape(part.title)}",
        bullets(read),
        f"**{escape(comparison.headline)}**",
        "\n\n".join(f"> {escape(warning)}" for warning in comparison.warnings),
        escape(first_note(comparison)) if comparison.arrangement.is_grouped else "",
        _table(comparison, comparison.arrangement.first),
        *(() if part.recommendation is None else _recommended(part.recommendation)),
        bullets([*_lines(comparison)][: _MOST_LINES - len(read) - len(comparison.warnings)]),
        *(
            folded(f"{rows.title}: {rows.about}", [_table(comparison, rows.results)])
            for rows in comparison.arrangement.groups
        ),
        folded(
            "Strategy by strategy, data, flags and figures",
            [
                *_details(comparison),
                *(_figure(chart, figures_url) for chart in part.figures.charts),
                _origin(comparison),
            ]
            + ([] if command is None else [f"Command: {code(command)}"]),
        ),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _recommended(recommendation: Recommendation) -> Iterator[str]:
    """Write what is recommended under a budget, the reasons folded."""
    if recommendation.judged:  # else it repeats that the comparison is not valid
        yield f"**{escape(recommendation.headline)}**"
        rows = (
            [
                f"**{escape(line.strategy)}**; {escape(line.said)}",
                *(escape(f"{cell.marked} ({cell.bounds})" if cell.bounds else cell.marked) for cell in line.cells),
            ]
            for line in budget_lines(recommendation)
        )
        yield folded(
            budget_title(recommendation),
            [
                table([["strategy", *map(escape, budget_titles(recommendation))], *rows]),
                bullets(map(escape, recommendation.sentences)),
            ],
        )


def _lines(comparison: Comparison) -> Iterator[str]:
    """Write what must not be folded away, the most important first."""
    endings = [escape(one.text) for one in comparison.said if one.about == "ending"]
    if len(endings) > 1:
        endings = [f"{endings[0]} {len(endings) - 1} more such remark{'s are' if len(endings) > 2 else ' is'} below."]  # noqa: PLR2004
    if comparison.reference:
        told = f"Factors and points are against {comparison.reference}, with 95% intervals."
        yield escape(" ".join(part for part in (told, letters_note(comparison), majority_note(comparison)) if part))
    yield from endings
    if flags := codes_by_strategies(comparison):
        yield escape(f"Flags: {'; '.join(f'{who}: {codes}' for who, codes in flags.items())}.")
    if comparison.results:
        facts = (provenance.seeds(comparison), provenance.devices(comparison), provenance.shared(comparison))
        yield escape(f"{'; '.join(filter(None, facts))}.")


def _details(comparison: Comparison) -> Iterator[str]:
    yield _differences(comparison)
    yield bullets(map(escape, comparison.sentences))
    for index, data in enumerate(comparison.data):
        yield bullets(f"{about}: {escape(said)}" for about, said in in_full(data) if index or about not in _READ)
    yield escape(notes(comparison)) if comparison.results else ""
    yield bullets(f"{escape(one.who)}: {escape(one.found)}. {escape(one.meaning)}" for one in flagged(comparison))
    yield _by_class(comparison)


def _figure(chart: Chart, figures_url: str | None) -> str:
    """Show a figure, or its table; empty where it is missing."""
    if chart.missing:
        return ""
    title = f"**{escape(chart.title)}**"
    if figures_url:
        return f"{title}\n\n![{escape(chart.alternative)}]({figures_url.rstrip('/')}/{chart.name}.png)"
    if len(chart.table) > _MOST_STRATEGIES + 1:
        return f"{title}\n\nThe table of its {len(chart.table) - 1} lines is in the report."
    return f"{title}\n\n{table([*map(escape, line)] for line in chart.table)}"


def _table(comparison: Comparison, results: Sequence[StrategyResult]) -> str:
    if not results:
        return ""
    metrics = shown(comparison)
    rows = (
        [_name(result, comparison), *(_cell(result, metric, comparison) for metric in metrics)] for result in results
    )
    return table([["strategy", *map(column_title, metrics)], *rows])


def _by_class(comparison: Comparison) -> str:
    """A table of the F1 of each class; empty where the records do not tell."""
    most = min(_MOST_STRATEGIES, len(comparison.arrangement.first) or _MOST_STRATEGIES)
    found = class_table(comparison, most_strategies=most)
    if found is None:
        return ""
    rows = (
        [
            escape(line.name),
            f"{line.num_rows:,}",
            *(percent(score.f1 if score else None) for score in line.scores),
        ]
        for line in found.lines
    )
    return f"{table([['F1 by class', 'rows', *map(escape, found.strategies)], *rows])}\n\n{escape(found.note)}"


def _differences(comparison: Comparison) -> str:
    """A table of what differs that must not; empty where nothing does."""
    if not comparison.mismatches:
        return ""
    if comparison.arrangement.is_grouped:
        return table(
            [["what differs", "value", "strategies"], *([*map(escape, line)] for line in by_value(comparison))]
        )
    names = [result.strategy for result in comparison.results]
    rows = (
        [escape(mismatch.field), *(escape(mismatch.values.get(name, NOT_MEASURED)) for name in names)]
        for mismatch in comparison.mismatches
    )
    return table([["what differs", *map(escape, names)], *rows])


def _name(result: StrategyResult, comparison: Comparison) -> str:
    said = remark(result, comparison, with_reason=False)  # the lines below the table say why
    name = f"**{escape(result.strategy)}**{' (reference)' if result.is_reference else ''}"
    return "; ".join(filter(None, (name, escape(batches(result, comparison)), escape(said))))


def _cell(result: StrategyResult, metric: str, comparison: Comparison) -> str:
    written = cell(result, metric, comparison)
    within = f"({written.bounds})" if written.bounds else ""
    return " ".join(escape(part) for part in (written.value, written.against, within, written.group) if part)


def _origin(comparison: Comparison) -> str:
    facts = provenance.provenance(comparison)
    known = [
        f"{name} {facts[name]}" for name in ("device", "processor", "python", "versions", "commit") if name in facts
    ]
    return escape("; ".join([provenance.seeds(comparison), *known])) + "." if comparison.results else ""
