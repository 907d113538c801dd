"""What the memory of training and the time of a step consist of: a stacked bar per strategy."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from bench.analysis.words.numbers import NOT_MEASURED
from bench.records.metrics import format_bytes, format_seconds

from .chart import Chart, first_of
from .layout import LINE, Lines, byte_ticks, text_width, ticks
from .theme import NARROW, PAPER, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import Measurement

    from .theme import Style

__all__ = ["memory_split", "step_split"]

_MEMORY = {
    "weights": "weights_bytes",
    "gradients": "gradients_bytes",
    "optimizer": "optimizer_bytes",
    "activations and the rest": "rest_bytes",
}
_STEP = {
    **{name: name for name in ("forward", "backward", "optimizer", "data")},
    "communication": "communication",  # measured where processes share a run
}


@dataclass(frozen=True, slots=True)
class _Split:
    """Strategies whose whole is known by its parts."""

    results: tuple[StrategyResult, ...]
    drawn: tuple[StrategyResult, ...]
    """All of them, but of many the first alone."""
    left_out: str
    """What the caption says of it."""
    parts: dict[str, dict[str, float]]
    """By strategy and part, of those that were measured, the mean over seeds; never below zero."""
    words: tuple[str, ...]
    write: Callable[[float], str]

    @classmethod
    def of(
        cls,
        comparison: Comparison,
        fields: Mapping[str, str],
        read: Callable[[Measurement], object],
        write: Callable[[float], str],
    ) -> _Split:
        parts: dict[str, dict[str, float]] = {}
        for result in comparison.results:
            known = [
                each for record in result.finished if record.measured and (each := read(record.measured)) is not None
            ]
            if known:
                parts[result.strategy] = {
                    word: max(0.0, fmean(values))
                    for word, field in fields.items()
                    if (values := [value for each in known if (value := getattr(each, field)) is not None])
                }
        results = tuple(result for result in comparison.arrangement.all if result.strategy in parts)
        words = tuple(word for word in fields if any(word in of_one for of_one in parts.values()))
        return cls(results, *first_of(comparison, results), parts, words, write)

    def total(self, result: StrategyResult) -> float:
        return sum(self.parts[result.strategy].values())

    def largest(self, result: StrategyResult) -> tuple[str, float]:
        """The part that is most of the whole, and its share."""
        word, amount = max(self.parts[result.strategy].items(), key=lambda part: part[1])
        return word, amount / (self.total(result) or 1)

    def in_words(self, result: StrategyResult) -> str:
        return ", ".join(f"{word} {self.write(amount)}" for word, amount in self.parts[result.strategy].items())

    def table(self) -> tuple[tuple[str, ...], ...]:
        lines = (
            (
                result.strategy,
                *(self.write(of_one[word]) if word in of_one else NOT_MEASURED for word in self.words),
                self.write(self.total(result)),
            )
            for result in self.results
            for of_one in (self.parts[result.strategy],)
        )
        return (("strategy", *self.words, "total"), *lines)

    def title(self, comparison: Comparison, otherwise: str, *, of: str) -> str:
        """Name the largest part of the reference."""
        base = next((result for result in self.results if result.strategy == comparison.reference), None)
        if base is None:
            return otherwise
        word, share = self.largest(base)
        return f"{word.capitalize()} {'are' if word.endswith('s') or 'rest' in word else 'is'} {share:.0%} of {of} of {base.strategy}"


def memory_split(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart of the training peak's parts; it is missing where no run was measured by parts."""
    split = _Split.of(comparison, _MEMORY, lambda measured: measured.memory.parts, format_bytes)
    return _chart(
        split,
        styles,
        name=f"{prefix}memory_split",
        title=split.title(comparison, "What the training memory consists of", of="the training memory"),
        caption="Weights, gradients and optimizer state are the sizes of their tensors; what was there before the "
        "weights (the interpreter, libraries and data) is left out. Activations are what is left of the measured peak, with temporaries.",
        missing="no run has measured its memory by parts",
    )


def step_split(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart of a step's parts; it is missing where no run was measured by parts."""
    split = _Split.of(comparison, _STEP, lambda measured: measured.step_parts, format_seconds)
    return _chart(
        split,
        styles,
        name=f"{prefix}step_split",
        title=split.title(comparison, "What the time of a step consists of", of="a step"),
        caption="Mean seconds of a steady step by part. On a GPU a part also counts the time in which the device "
        "waits for the host.",
        missing="no run has measured its steps by parts",
    )


def _chart(split: _Split, styles: Mapping[str, Style], *, name: str, title: str, caption: str, missing: str) -> Chart:
    return Chart(
        name=name,
        title=title,
        caption=caption + split.left_out,
        alternative="Stacked bars. "
        + "; ".join(f"{result.strategy}: {split.in_words(result)}" for result in split.drawn)
        + ".",
        table=split.table(),
        draw=lambda width: _draw(split, styles, width),
        missing="" if split.results else missing,
    )


def _draw(split: _Split, styles: Mapping[str, Style], width: float) -> Figure:
    values = [split.write(split.total(result)) for result in split.drawn]
    beside = max(map(text_width, values)) + 0.4
    lines = Lines.of([(result.strategy, styles[result.strategy]) for result in split.drawn], width, 0.22, beside)
    columns = 1 if width <= NARROW else len(split.words)
    legend = LINE * 1.4 * -(-len(split.words) // columns)
    figure = Figure(figsize=(width, lines.height + 0.5 + legend), layout="constrained")
    axes = figure.subplots()
    lines.write(axes, values)
    for result, style, bottom in zip(split.drawn, lines.styles, lines.bottoms, strict=True):
        start = 0.0
        for (colour, hatch), amount in zip(PARTS, split.parts[result.strategy].values(), strict=False):
            axes.add_artist(
                Rectangle(
                    (start, bottom - lines.mark), amount, lines.mark - 0.04, facecolor=colour, hatch=hatch,
                    edgecolor=PAPER, linewidth=0.8, gid=style.tag,
                )
            )  # fmt: skip
            start += amount
    axes.set_xlim(0, 1.03 * (max(map(split.total, split.drawn)) or 1))
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(byte_ticks(0, axes.get_xlim()[1]) if split.write is format_bytes else ticks(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: split.write(value) if value else "0"))
    figure.legend(
        handles=[
            Patch(facecolor=colour, hatch=hatch, edgecolor=PAPER, label=word)
            for word, (colour, hatch) in zip(split.words, PARTS, strict=False)
        ],
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.4,
    )
    return figure
