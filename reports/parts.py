"""The comparisons of a report with their figures, in which a strategy looks the same throughout."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.analysis import provenance

from .charts.drawing import Drawing, draw
from .charts.figures import charts, charts_across
from .charts.theme import Style, styles_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis.comparison import Comparison
    from bench.recommending.recommend import Recommendation

    from .charts.chart import Chart

__all__ = ["Figures", "Part", "Whole", "charted", "drawn", "parts_of"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Charts, drawn."""

    charts: Sequence[Chart] = ()
    drawn: Mapping[str, Drawing] = field(default_factory=dict)
    """By chart, but for those that are missing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison of a report."""

    comparison: Comparison
    title: str = ""
    about: str = ""
    """Ends the names of its regions, where a report has several comparisons."""
    figures: Figures = Figures()
    recommendation: Recommendation | None = None
    """Where a budget was given."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that a report shows."""

    parts: tuple[Part, ...]
    across: Figures = Figures()
    """About no single comparison."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The comparisons, in order."""
        return tuple(part.comparison for part in self.parts)

    @property
    def styles(self) -> dict[str, Style]:
        """The style of each strategy; of many those that come first have the first colours."""
        arranged = [comparison.arrangement for comparison in self.comparisons]
        ordered = (*(rows.first for rows in arranged), *(rows.all for rows in arranged))
        return styles_of(result.strategy for results in ordered for result in results)

    @property
    def figures(self) -> tuple[Figures, ...]:
        """All of them, comparison by comparison."""
        return (*(part.figures for part in self.parts), self.across)


def parts_of(comparisons: Sequence[Comparison], recommendations: Sequence[Recommendation] = ()) -> tuple[Part, ...]:
    """Return each comparison with its title and what is recommended in it, and no figures yet."""
    numbers = [f" ({number})" for number in range(1, len(comparisons) + 1)] if len(comparisons) > 1 else [""]
    recommended: Sequence[Recommendation | None] = recommendations or [None] * len(comparisons)
    return tuple(
        Part(comparison, title, number, recommendation=recommendation)
        for comparison, title, number, recommendation in zip(
            comparisons, provenance.titles(comparisons), numbers, recommended, strict=True
        )
    )


def drawn(parts: tuple[Part, ...]) -> Whole:
    """Make and draw the figures of all; of several, each figure's name begins with the comparison's number."""
    whole = charted(parts)
    subjects = "; ".join(dict.fromkeys(map(provenance.subject, whole.comparisons)))
    return Whole(
        tuple(replace(part, figures=_drawn(part.figures.charts, part.title)) for part in whole.parts),
        _drawn(whole.across.charts, subjects),
    )


def charted(parts: tuple[Part, ...]) -> Whole:
    """Make the figures of all, with their titles and tables, and draw none."""
    whole = Whole(parts)
    styles = whole.styles
    prefixes = [f"{number}_" for number in range(1, len(parts) + 1)] if len(parts) > 1 else [""]
    return Whole(
        tuple(
            replace(part, figures=Figures(charts(part.comparison, styles, prefix)))
            for part, prefix in zip(parts, prefixes, strict=True)
        ),
        Figures(charts_across(whole.comparisons, styles)),
    )


def _drawn(made: Sequence[Chart], about: str) -> Figures:
    return Figures(made, {chart.name: draw(chart, about) for chart in made if not chart.missing})
