"""All figures of a report, each with its title, what it shows in words, and why where it is left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.metrics import HEADLINES, METRICS
from reports.cells import cell, column_title
from reports.curves import draw_curves, with_curves
from reports.dots import draw_dots
from reports.tradeoff import draw_tradeoff, frontier, placed
from reports.trained import draw_trained, rates_in_words, with_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.figure import Figure

    from bench.comparison import Comparison, Row

__all__ = ["Chart", "charts"]


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure, not yet drawn."""

    name: str
    """Stem of its file."""
    title: str
    caption: str
    """How to read it."""
    alternative: str
    """What it shows, in words and numbers, for those who do not see it."""
    draw: Callable[[float], Figure]
    """Draws it at a width in inches."""
    missing: str = ""
    """Why it is left out; empty where it is drawn."""


def charts(comparison: Comparison) -> tuple[Chart, ...]:
    """Every figure, in the order of the page."""
    return (
        _tradeoff(comparison),
        *(_dots(comparison, metric) for metric in HEADLINES),
        _curves(comparison),
        _trained(comparison),
    )


def _tradeoff(comparison: Comparison) -> Chart:
    rows = placed(comparison)
    best = _listed(row.strategy for row in frontier(rows))
    told = "; ".join(f"{row.strategy}: {_values(row, HEADLINES)}" for row in rows)
    return Chart(
        name="tradeoff",
        title="Accuracy against throughput",
        caption=(
            f"The area of a marker is its peak memory. The line joins what no other strategy beats in both, by the "
            f"means: {best}. Vertical lines are 95% intervals over evaluation rows; the dotted line is the "
            "majority class."
        ),
        alternative=f"Scatter plot. {told}.",
        draw=partial(draw_tradeoff, comparison),
        missing="" if rows else "no run has both an accuracy and a throughput",
    )


def _dots(comparison: Comparison, metric: str) -> Chart:
    rows = [row for row in comparison.rows if row.samples[metric]]
    over = "over evaluation rows" if metric == "accuracy" else "of the mean over seeds, from two seeds on"
    absent = [row.strategy for row in comparison.rows if row not in rows]
    dashed = f" The dashed line is {comparison.reference}." if comparison.reference else ""
    return Chart(
        name=metric.removesuffix("_bytes"),
        title=METRICS[metric].label.capitalize(),
        caption=(
            f"Small dots are seeds, the shape is their mean, the bar is the 95% interval {over}.{dashed}"
            + (f" Without a value: {_listed(absent)}." if absent else "")
        ),
        alternative=f"Dot plot of {column_title(metric)}. "
        + "; ".join(f"{row.strategy}: {_values(row, (metric,))}" for row in rows)
        + ".",
        draw=partial(draw_dots, comparison, metric),
        missing="" if rows else f"no run has measured {METRICS[metric].label}",
    )


def _curves(comparison: Comparison) -> Chart:
    rows = with_curves(comparison)
    last = "; ".join(f"{row.strategy} ends at {_values(row, ('accuracy', 'train_seconds'))}" for row in rows)
    return Chart(
        name="learning_curves",
        title="Learning curves over training time",
        caption="One line per seed. Evaluation takes no time on this axis, and uses the first rows of the evaluation set.",
        alternative=f"Line plots of accuracy and evaluation loss. {last}.",
        draw=partial(draw_curves, comparison),
        missing="" if rows else "no finished run has a point of a learning curve",
    )


def _trained(comparison: Comparison) -> Chart:
    rows = with_layers(comparison)
    return Chart(
        name="trained_layers",
        title="What each strategy trains",
        caption="One cell per layer in forward order, coloured by its peak learning rate; hatched cells stay frozen.",
        alternative="Strips of layers. " + "; ".join(f"{row.strategy}: {rates_in_words(row)}" for row in rows) + ".",
        draw=partial(draw_trained, comparison),
        missing="" if rows else "no finished run has recorded its learning rates",
    )


def _values(row: Row, metrics: tuple[str, ...]) -> str:
    return ", ".join(f"{METRICS[metric].label} {cell(row, metric).value}" for metric in metrics)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
