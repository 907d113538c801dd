"""What each strategy trains: a strip of layers in forward order, coloured by learning rate, frozen ones hatched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.cells import one_line
from reports.layout import LINE, fold, text_width
from reports.theme import INK, MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.comparison import Comparison, Row
    from bench.record import LayerRate

__all__ = ["draw_trained", "layer_rates", "rates_in_words", "with_layers"]

_STRIP = 0.24
_GAP = 0.14


def layer_rates(row: Row) -> tuple[LayerRate, ...]:
    """The layers of a strategy with their rates, which its seeds share; empty where no run finished."""
    return next((record.measured.layer_rates for record in row.finished if record.measured), ())


def with_layers(comparison: Comparison) -> list[Row]:
    """The strategies whose rates are known."""
    return [row for row in comparison.rows if layer_rates(row)]


def rates_in_words(row: Row) -> str:
    """The range of its learning rates: "1e-3", or "2e-5 to 1e-3"."""
    rates = {layer.lr for layer in layer_rates(row) if layer.lr is not None}
    return " to ".join(_short(rate) for rate in sorted({min(rates), max(rates)})) if rates else "nothing trains"


def draw_trained(comparison: Comparison, width: float) -> Figure:
    """Draw one strip per strategy, its name and rates above it; `width` in inches."""
    rows = with_layers(comparison)
    layers = max((layer_rates(row) for row in rows), key=len)
    names = [fold(one_line(row.strategy), width - 0.5 - text_width(rates_in_words(row))) for row in rows]
    heights = [LINE * (name.count("\n") + 1) + _STRIP + _GAP for name in names]
    ends = fold(f"layer, from {one_line(layers[0].layer)} to {one_line(layers[-1].layer)}", width - 0.5)
    figure = Figure(figsize=(width, sum(heights) + 1.35 + LINE * ends.count("\n")), layout="constrained")
    axes = figure.subplots()
    colours = _colours(rows)
    for index, (row, name) in enumerate(zip(rows, names, strict=True)):
        bottom = sum(heights[: index + 1])
        _draw_strip(axes, layer_rates(row), bottom - _GAP, colours)
        above: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "bottom"}
        axes.text(0, bottom - _GAP - _STRIP - 0.02, name, ha="left", color=INK, linespacing=1.1, **above)
        axes.text(1, bottom - _GAP - _STRIP - 0.02, rates_in_words(row), ha="right", color=MUTED, **above)
    axes.set(xlim=(0.5, len(layers) + 0.5), ylim=(sum(heights), 0), xlabel=ends)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    bar = figure.colorbar(colours, ax=axes, location="bottom", fraction=0.1, aspect=40, pad=0.02)
    bar.set_label("learning rate; hatched layers are frozen")
    low, high = colours.get_clim()
    marks = {_short(rate): rate for rate in (low, (low * high) ** 0.5, high)}
    bar.set_ticks(list(marks.values()), labels=list(marks))
    bar.minorticks_off()
    bar.outline.set_visible(False)
    return figure


def _colours(rows: list[Row]) -> ScalarMappable:
    rates = [layer.lr for row in rows for layer in layer_rates(row) if layer.lr is not None] or [1e-5]
    low, high = min(rates), max(rates)
    return ScalarMappable(LogNorm(low, high if high > low else low * 1.01), sns.color_palette("crest", as_cmap=True))


def _draw_strip(axes: Axes, layers: tuple[LayerRate, ...], bottom: float, colours: ScalarMappable) -> None:
    """Draw a cell per layer; y grows downwards, so a strip ends at its bottom."""
    cells = {position: layer.lr for position, layer in enumerate(layers, start=1)}
    trained = {position: rate for position, rate in cells.items() if rate is not None}
    axes.broken_barh(
        [(position - 0.45, 0.9) for position in trained],
        (bottom - _STRIP, _STRIP),
        facecolors=colours.to_rgba(np.array(list(trained.values()))),
    )
    axes.broken_barh(
        [(position - 0.45, 0.9) for position in cells if position not in trained],
        (bottom - _STRIP, _STRIP),
        facecolors=PAPER,
        edgecolors=MUTED,
        hatch="////",
        linewidth=0.5,
    )


def _short(rate: float) -> str:
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
