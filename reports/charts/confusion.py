"""Confusion matrices: what the rows of each class were predicted as, strategy by strategy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from bench.analysis.by_class import ByClass, by_class
from bench.records.names import in_quotes

from ..tables.cells import one_line
from .chart import Chart, first_of
from .layout import LINE, fold, text_width
from .theme import INK, LIGHT, NARROW, Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.comparison import Comparison

__all__ = ["MOST_CLASSES", "confusion"]

MOST_CLASSES = 30
_MOST_CELLS, _MOST_CELLS_OF_SEVERAL = 1200, 300
"""With rows in them, of all strategies of a comparison together, for the page to stay small: one alone, and each of several."""
_LARGEST_CELL, _LARGEST_NAMES = 0.5, 1.5
_STRONGEST = 0.75
"""Opacity of a cell that holds all rows of its class, under a number that must stay readable."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One strategy."""

    strategy: str
    style: Style
    found: ByClass

    @property
    def shares(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Of the rows of each class, what they were predicted as, (classes, classes)."""
        rows = self.found.matrix.sum(axis=1, keepdims=True)
        shares: np.ndarray[tuple[int, int], np.dtype[np.float64]] = self.found.matrix / np.maximum(rows, 1)
        return shares


def confusion(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where the records do not hold predictions, and for over 30 classes."""
    results, not_drawn = first_of(comparison, comparison.arrangement.finished)
    found = {result.strategy: by_class(one.evaluation for one in result.measured.values()) for result in results}
    known = [_Panel(name, styles[name], each) for name, each in found.items() if each]
    num_classes = max((len(panel.found.names) for panel in known), default=0)
    is_legible = 0 < num_classes <= MOST_CLASSES
    panels = _that_fit(known, _MOST_CELLS_OF_SEVERAL if prefix else _MOST_CELLS) if is_legible else []
    left_out = (
        f" The first {len(panels)} of {len(known)} strategies are drawn." if len(panels) < len(known) else not_drawn
    )
    seeds = " All seeds together." if any(panel.found.num_seeds > 1 for panel in panels) else ""
    return Chart(
        name=f"{prefix}confusion",
        title=_title(panels),
        caption="Down: the class that evaluation rows are of. Across, by number: the class that was predicted. A number counts rows, and the "
        f"stronger its colour, the larger a share of its class; those on the diagonal are right.{seeds}{left_out}",
        alternative=f"Confusion matrices. {'; '.join(map(_in_words, panels))}.",
        table=(
            ("strategy", "class", "predicted as", "rows", "share of the class"),
            *(line for panel in panels for line in _lines(panel)),
        ),
        draw=lambda width: _draw(panels, width),
        missing=""
        if is_legible
        else f"there are {num_classes:,} classes, too many to read"
        if known
        else "the records do not say what each row was predicted as",
    )


def _that_fit(panels: Sequence[_Panel], most_cells: int) -> list[_Panel]:
    """Keep the first ones, one at least."""
    cells = np.cumsum([np.count_nonzero(panel.found.matrix) for panel in panels])
    return list(panels[: max(1, int((cells <= most_cells).sum()))])


def _title(panels: Sequence[_Panel]) -> str:
    """Name the confusion that takes the largest share of a class, over all strategies that are drawn."""
    if not panels:
        return "What each class is predicted as"
    names = panels[0].found.names
    if any(panel.found.names != names for panel in panels):
        return "What each class is predicted as"
    total = sum(panel.found.matrix for panel in panels)
    wrong = np.array(total)
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "Every row is predicted as its own class"
    shares = wrong / np.maximum(np.array(total).sum(axis=1, keepdims=True), 1)
    actual, taken = np.unravel_index(int(shares.argmax()), shares.shape)
    return (
        f"Most often confused: {shares[actual, taken]:.0%} of the rows of {in_quotes(names[actual])} are predicted as "
        f"{in_quotes(names[taken])}"
    )


def _in_words(panel: _Panel) -> str:
    right = [f"{in_quotes(score.name)} {score.recall:.1%}" for score in panel.found.scores if score.recall is not None]
    return f"{panel.strategy}: got right of {', '.join(right)}"


def _lines(panel: _Panel) -> list[tuple[str, ...]]:
    names, matrix, shares = panel.found.names, panel.found.matrix, panel.shares
    return [
        (panel.strategy, in_quotes(names[actual]), in_quotes(names[taken]), f"{matrix[actual, taken]:,}", f"{shares[actual, taken]:.1%}")
        for actual, taken in zip(*matrix.nonzero(), strict=True)
    ]  # fmt: skip


def _draw(panels: Sequence[_Panel], width: float) -> Figure:
    """Put the matrices side by side as far as they fit, one below the other on a phone."""
    num_classes = max(len(panel.found.names) for panel in panels)
    labels = [[f"{_cut(name)}  {number}" for number, name in enumerate(panel.found.names, 1)] for panel in panels]
    names = max(text_width(label) for each in labels for label in each) + 0.15
    columns = 1 if width <= NARROW else max(1, min(3, int(width / (names + 0.3 * num_classes + 0.2))))
    room = width / columns - names - 0.25
    cell = min(_LARGEST_CELL, room / num_classes)
    titles = [fold(one_line(panel.strategy), room) for panel in panels]
    around = LINE * (3 + max(title.count("\n") for title in titles)) + 0.2
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(width, rows * (num_classes * cell + around)), layout="constrained")
    places = tuple(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel, title, each in zip(places, panels, titles, labels, strict=False):
        _draw_one(axes, panel, cell, each)
        axes.set_title(title, loc="left", color=INK, gid=panel.style.tag)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return figure


def _draw_one(axes: Axes, panel: _Panel, cell: float, labels: Sequence[str]) -> None:
    matrix = panel.found.matrix
    widest = max(text_width(f"{count}") for count in matrix.flat)
    sns.heatmap(
        panel.shares, ax=axes, cmap=_colours(), vmin=0, vmax=1, cbar=False, mask=matrix == 0,
        annot=matrix if widest + 0.06 <= cell and cell >= LINE else False, fmt="d", annot_kws={"color": INK},
        xticklabels=False, yticklabels=False, square=True,
    )  # fmt: skip
    for artist in (*axes.collections, *axes.texts):
        artist.set_gid(panel.style.tag)
    places = np.arange(len(labels)) + 0.5
    every = max(1, math.ceil(LINE / cell))
    axes.set_yticks(places[::every], labels[::every], rotation=0)
    apart = max(1, math.ceil((text_width(str(len(labels))) + 0.08) / cell))
    axes.set_xticks(places[::apart], [str(number + 1) for number in range(len(labels))][::apart])
    axes.set_anchor("NW")
    axes.tick_params(length=0, pad=3)
    axes.grid(visible=False)
    axes.patch.set_visible(False)
    for side in axes.spines.values():
        side.set_visible(False)


def _colours() -> LinearSegmentedColormap:
    """From nothing to the accent, so that the ground shows through in either theme."""
    return LinearSegmentedColormap.from_list(
        "share", [to_rgba(LIGHT["accent"], 0.0), to_rgba(LIGHT["accent"], _STRONGEST)]
    )


def _cut(name: str) -> str:
    """Cut a name that takes too much room."""
    shown = in_quotes(name)[1:-1]
    if text_width(shown) <= _LARGEST_NAMES:
        return shown
    while text_width(shown + "\N{HORIZONTAL ELLIPSIS}") > _LARGEST_NAMES:
        shown = shown[:-1]
    return shown + "\N{HORIZONTAL ELLIPSIS}"
