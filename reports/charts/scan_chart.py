"""Quantities over a setting that strategies were run at several values of: a line per strategy, a dot per seed."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import NOT_MEASURED

from .chart import Chart
from .layout import canvases, strategy_legend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.scans import Scan
    from bench.analysis.strategy_result import StrategyResult

    from .theme import Style

__all__ = ["Quantity", "Setting", "scan_chart"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What varies, across."""

    label: str
    write: Callable[[float], str]
    arrange: Callable[[Axes, Quantity], None]
    """Sets the scales of axes that are drawn."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is drawn over the setting, in axes of its own."""

    label: str
    write: Callable[[float], str]
    samples: Callable[[StrategyResult], Mapping[int, float]]
    """By seed; empty where it was not measured."""
    bounds: Callable[[StrategyResult], tuple[float, float] | None] = lambda _: None

    def mean(self, result: StrategyResult) -> float | None:
        """Over seeds; None where it was not measured."""
        samples = self.samples(result)
        return fmean(samples.values()) if samples else None

    def written(self, result: StrategyResult) -> str:
        """The mean in words."""
        mean = self.mean(result)
        return NOT_MEASURED if mean is None else self.write(mean)


def scan_chart(
    scans: Sequence[Scan],
    setting: Setting,
    quantities: Sequence[Quantity],
    styles: Mapping[str, Style],
    *,
    name: str,
    title: str,
    caption: str,
    extra: tuple[str, Callable[[StrategyResult], str]],
) -> Chart:
    """Make the chart; `extra` is one more column of its table."""
    told = (
        f"{scan.name}: "
        + ", ".join(
            f"at {setting.write(point.value)} {' and '.join(each.written(point.result) for each in quantities)}"
            for point in scan.points
        )
        for scan in scans
    )
    return Chart(
        name=name,
        title=title,
        caption=caption,
        alternative=f"Line plot of {' and '.join(each.label for each in quantities)} over the {setting.label}. {'; '.join(told)}.",
        table=(
            ("strategy", setting.label, *(each.label for each in quantities), extra[0], "seeds"),
            *(
                (
                    point.result.strategy,
                    setting.write(point.value),
                    *(each.written(point.result) for each in quantities),
                    extra[1](point.result),
                    str(len(point.result.finished)),
                )
                for scan in scans
                for point in scan.points
            ),
        ),
        draw=lambda width: _draw(scans, setting, quantities, styles, width),
        missing="" if scans else f"no strategy was run at several {setting.label}s",
    )


def _draw(
    scans: Sequence[Scan],
    setting: Setting,
    quantities: Sequence[Quantity],
    styles: Mapping[str, Style],
    width: float,
) -> Figure:
    known = [each for each in quantities if any(each.samples(point.result) for scan in scans for point in scan.points)]
    figure, panels = canvases(width, [scan.name for scan in scans], len(known))
    for axes, quantity in zip(panels, known, strict=True):
        for scan in scans:
            _draw_line(axes, scan, quantity, styles)
        axes.set(xlabel=setting.label, ylabel=quantity.label)
        setting.arrange(axes, quantity)
    entries = [(scan.name, styles[scan.points[0].result.strategy]) for scan in scans]
    strategy_legend(figure, entries, width, lines=True)
    return figure


def _draw_line(axes: Axes, scan: Scan, quantity: Quantity, styles: Mapping[str, Style]) -> None:
    """Draw one strategy; where an option of its name varies, each point is a strategy that a reader may choose."""
    style = styles[scan.points[0].result.strategy]
    known = [(point, mean) for point in scan.points if (mean := quantity.mean(point.result)) is not None]
    axes.plot(
        [point.value for point, _ in known], [mean for _, mean in known], color=style.colour, linestyle=style.dash,
        linewidth=2, gid=style.tag,
    )  # fmt: skip
    for point, mean in known:
        tag, seeds = styles[point.result.strategy].tag, tuple(quantity.samples(point.result).values())
        if bounds := quantity.bounds(point.result):
            axes.vlines(point.value, *bounds, color=style.colour, linewidth=1.2, alpha=0.7, gid=tag)
        axes.plot(
            [point.value] * len(seeds), seeds, color=style.colour, marker="o", markersize=3, markeredgewidth=0,
            linestyle="none", gid=f"{tag} seed",
        )  # fmt: skip
        axes.plot(
            [point.value], [mean], color=style.colour, marker=style.marker, markersize=8, linestyle="none", gid=tag,
        )  # fmt: skip
