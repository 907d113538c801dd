"""Quality over the learning rate, of the trials by which each strategy's rate was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.tuning import edges, found_rates, gaining
from bench.analysis.words.numbers import NOT_MEASURED, listed, percent
from bench.analysis.words.tuning import gain_in_words, word_of
from bench.records.metrics import format_rate, format_seconds

from .chart import Chart
from .tuning_panels import draw_panels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.tuning import FoundRate

    from .theme import Style

__all__ = ["tuning"]

_MOST_NAMED = 2
"""Strategies that a title names."""


def tuning(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where no strategy's learning rate was searched for."""
    found = found_rates(comparison.results)
    return Chart(
        name=f"{prefix}tuning",
        title=_title(found),
        caption=_caption(found),
        alternative=f"A small panel for each strategy: {word_of(found)} on the validation rows over the learning rate. "
        f"{'; '.join(map(_told, found))}.",
        table=(
            ("strategy", "learning rate", "steps", word_of(found), "loss", "time", "chosen"),
            *(line for one in found for line in _lines(one)),
        ),
        draw=lambda width: draw_panels(found, styles, width),
        missing="" if found else "no learning rate was searched for (--tune lr)",
    )


def _title(found: Sequence[FoundRate]) -> str:
    """Name who gains most by tuning, where that is more than noise, and how many have their best rate at an edge."""
    if not found:
        return "The search for learning rates"
    shown, gains = gaining(found), [one for one in found if one.gain]
    at_edge = [one.strategy for ones in edges(found).values() for one in ones]
    who = listed(at_edge) if 0 < len(at_edge) <= _MOST_NAMED else f"{len(at_edge)} of {len(found)}"
    beyond = f"; the best rate of {who} is at an edge of what was tried" if at_edge else ""
    if shown:
        num = f" {len(shown)} of {len(found)} strategies, " if len(found) > 1 else " "
        said = f"Tuning helps{num}{'most ' if len(shown) > 1 else ''}{shown[0].strategy}: {gain_in_words(shown[0])}"
    elif all(one.tuning.lr is None for one in found):
        said = "No rate that was tried is better than the default ones"
    elif found[0].tuning.metric == "accuracy" and gains:
        said = "No strategy is shown to gain by tuning over its default rates"
    else:
        said = f"{_capital(word_of(found))} on validation rows over the learning rate"
    return said + beyond


def _caption(found: Sequence[FoundRate]) -> str:
    if not found:
        return ""
    rates, rows = max(one.num_rates for one in found), max(one.tuning.num_rows for one in found)
    is_same = len({(one.num_rates, one.tuning.num_rows) for one in found}) == 1
    budget = (
        f"All strategies had the same budget: the default rates and {rates} others"
        if is_same
        else f"Each strategy had the default rates and up to {rates} others"
    )
    is_accuracy = found[0].tuning.metric == "accuracy"
    noise = f" {rows:,} rows tell an accuracy to within {98 / rows**0.5:.1f} points or less." if is_accuracy else ""
    return (
        f"{_capital(word_of(found))} of every trial on {rows:,} validation rows, held out of those to train on. {budget}, the better half of "
        "which went on with twice the steps. Large shapes were trained for as long as a run, and the best of them or the default rates were "
        "chosen; small faint ones for fewer steps, so that they reach less. The dashed line is the default rates, of which a strategy may "
        "have several. What was chosen looks a little too good here: the runs that are compared have other seeds and evaluation rows that no "
        f"trial has seen.{noise}"
    )


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _told(one: FoundRate) -> str:
    edge = f", the {one.tuning.edge} that was tried" if one.tuning.edge else ""
    return f"{one.strategy}: {_rate(one.tuning.lr)} was chosen{edge}, {gain_in_words(one)}"


def _lines(one: FoundRate) -> Iterator[tuple[str, ...]]:
    for trial in one.tuning.trials:
        ended = trial.status if trial.quality is None else percent(trial.quality)
        loss = NOT_MEASURED if trial.loss is None else f"{trial.loss:.3f}"
        chosen = ", ".join(("yes", *([f"{one.tuning.edge} tried"] if one.tuning.edge else [])))
        yield (
            one.strategy, _rate(trial.lr), f"{trial.num_steps:,}", ended, loss, format_seconds(trial.seconds),
            chosen if trial is one.chosen else "",
        )  # fmt: skip


def _rate(rate: float | None) -> str:
    return "default" if rate is None else format_rate(rate)
