"""What each strategy trains: a cell per layer in forward order, taller for a higher rate, hatched where frozen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.records.metrics import format_rate

from ..tables.cells import one_line
from .chart import Chart, first_of
from .layout import LINE, Lines, fold, text_width
from .theme import LIGHT, MUTED, PAPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import LayerRate

    from .theme import Style

__all__ = ["trained_layers"]

_STRIP = 0.26
"""Height of the tallest cell, in inches."""


def trained_layers(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where no finished run has recorded its rates."""
    results = [result for result in comparison.arrangement.all if result.layer_rates]
    drawn, left_out = first_of(comparison, results)
    return Chart(
        name=f"{prefix}trained_layers",
        title=_title(results),
        caption="One cell per layer in forward order. The taller, the higher its peak learning rate, on a "
        f"logarithmic scale over all strategies; hatched cells stay frozen. Rates stand at the right.{left_out}",
        alternative="Strips of layers. "
        + "; ".join(f"{result.strategy}: {_in_words(result)}" for result in drawn)
        + ".",
        table=(
            ("strategy", "layers trained", "of", "parameters trained at the end", "learning rates"),
            *(
                (
                    result.strategy,
                    str(_num_trained(result)),
                    str(len(result.layer_rates)),
                    f"{sum(layer.num_trainable_params for layer in result.layer_rates):,}",
                    _in_words(result),
                )
                for result in results
            ),
        ),
        draw=lambda width: _draw(drawn, styles, width),
        missing="" if results else "no finished run has recorded its learning rates",
    )


def _title(results: list[StrategyResult]) -> str:
    if not results:
        return "What each strategy trains"
    fewest, most = (choose(results, key=_num_trained) for choose in (min, max))
    if _num_trained(fewest) == _num_trained(most):
        return f"Every strategy trains {_num_trained(most)} of {len(most.layer_rates)} layers"
    return (
        f"{fewest.strategy} trains {_num_trained(fewest)} of {len(fewest.layer_rates)} layers, "
        f"{most.strategy} {_num_trained(most)}"
    )


def _num_trained(result: StrategyResult) -> int:
    return sum(layer.lr is not None for layer in result.layer_rates)


def _in_words(result: StrategyResult) -> str:
    """The range of its learning rates: "1e-3", or "2e-5 to 1e-3"."""
    rates = {layer.lr for layer in result.layer_rates if layer.lr is not None}
    return " to ".join(format_rate(rate) for rate in sorted({min(rates), max(rates)})) if rates else "nothing trains"


def _draw(results: Sequence[StrategyResult], styles: Mapping[str, Style], width: float) -> Figure:
    values = [_in_words(result) for result in results]
    beside = max(map(text_width, values)) + 0.4
    lines = Lines.of([(result.strategy, styles[result.strategy]) for result in results], width, _STRIP, beside)
    layers = max((result.layer_rates for result in results), key=len)
    ends = fold(f"layer, from {one_line(layers[0].layer)} to {one_line(layers[-1].layer)}", width - 0.5)
    figure = Figure(figsize=(width, lines.height + 0.6 + LINE * ends.count("\n")), layout="constrained")
    axes = figure.subplots()
    lines.write(axes, values)
    rates = [layer.lr for result in results for layer in result.layer_rates if layer.lr] or [1.0]
    for result, style, bottom in zip(results, lines.styles, lines.bottoms, strict=True):
        _draw_strip(axes, result.layer_rates, bottom, style, (min(rates), max(rates)))
    axes.set(xlim=(0.5, len(layers) + 0.5), xlabel=ends)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    return figure


def _draw_strip(
    axes: Axes, layers: tuple[LayerRate, ...], bottom: float, style: Style, ends: tuple[float, float]
) -> None:
    """Draw a cell per layer; y grows downwards, so a cell reaches up from the bottom."""
    for is_frozen in (True, False):
        cells = [(place, layer.lr) for place, layer in enumerate(layers, start=1) if (layer.lr is None) == is_frozen]
        tops = [bottom - _STRIP * (1 if rate is None else _share(rate, ends)) for _, rate in cells]
        axes.add_collection(
            PolyCollection(
                [
                    [(place - 0.43, bottom), (place + 0.43, bottom), (place + 0.43, top), (place - 0.43, top)]
                    for (place, _), top in zip(cells, tops, strict=True)
                ],
                facecolor=PAPER if is_frozen else LIGHT["accent"],
                edgecolor=MUTED if is_frozen else LIGHT["accent"],
                hatch="////" if is_frozen else None,
                linewidth=0.5,
                gid=style.tag,
            ),
            autolim=False,
        )


def _share(rate: float, ends: tuple[float, float]) -> float:
    """The height of a cell, of the tallest: from 0.3 for the lowest of all rates, and for one of zero."""
    low, high = map(math.log, ends)
    return 1 - 0.7 * (high - math.log(rate)) / (high - low or 1.0) if rate else 0.3
