"""The search of learning rates in words: what it cost and found, where to look further, and who had none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.tuning import edges, found_rates, gaining, grid_edges, peak_rates, wider
from bench.analysis.words.numbers import ENDINGS, group, listed, percent
from bench.records.metrics import METRICS, format_rate, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.analysis.strategy_result import StrategyResult
    from bench.analysis.tuning import FoundRate

__all__ = ["gain_in_words", "on_tuning", "untuned", "word_of"]

_MOST_TOLD = 6
"""Strategies that are told one by one."""


def on_tuning(results: Sequence[StrategyResult]) -> Iterator[str]:
    """Write of a comparison, sentence by sentence; nothing where no rate was searched for."""
    found = found_rates(results)
    if not found:
        return
    yield _cost(found, results)
    yield _found(found)
    for (edge, rate), ones in edges(found).items():
        names, is_one = group(one.strategy for one in ones), len(ones) == 1
        chose = f"{names} {'has' if is_one else 'have'} the {edge} rate that was tried, {rate:g}"
        yield f"{chose}: a better one may lie beyond ({wider(edge, ones[0].tuning)})."
    for (edge, rate), ones in grid_edges(found).items():
        names, keep = group(one.strategy for one in ones), "keeps its" if len(ones) == 1 else "keep their"
        kept = f"{names} {keep} default rates, and the best of the grid is its {edge}, {rate:g}"
        yield f"{kept}: a better one may lie beyond ({wider(edge, ones[0].tuning)})."


def gain_in_words(one: FoundRate) -> str:
    """Write "88.3% against 80.5% at the default rates"."""
    chosen, default = one.chosen, one.default
    said = percent(chosen.quality if chosen else None)
    if one.tuning.lr is None or default is None:
        return said
    if default.quality is None:
        return f"{said}, and at the default rates it {ENDINGS.get(default.status, default.status)}"
    return f"{said} against {percent(default.quality)} at the default rates"


def word_of(found: Sequence[FoundRate]) -> str:
    """What the score is called that rates were chosen by."""
    metric = found[0].tuning.metric if found else "accuracy"
    return METRICS[metric].label if metric in METRICS else metric


def untuned(results: Iterable[StrategyResult]) -> str:
    """Write that the rates of strategies that learn less well were not tuned, as a sentence that follows; empty where they were."""
    results = tuple(results)
    left = [result for result in results if result.tuning is None]
    if not left:
        return ""
    if len(results) == 1:
        told = _rate(left[0])
        return f" Its learning rate was not tuned: one was tried{told and f', {told}'}."
    if len(left) == len(results):
        return " Their learning rates were not tuned: one was tried for each."
    names = group(result.strategy for result in left)
    if len(left) == 1:
        return f" The learning rate of {names} was not tuned: one was tried."
    return f" The learning rates of {names} were not tuned: one was tried for each."


def _cost(found: Sequence[FoundRate], results: Sequence[StrategyResult]) -> str:
    """Say how long all trials took, strategy by strategy or from the least to the most, and who had none."""
    seconds = {one.strategy: one.tuning.seconds for one in found}
    trials = sum(len(one.tuning.trials) for one in found)
    runs = sum(record.wall_seconds for one in found for record in one.result.records)
    if len(found) == 1:
        each = ""
    elif len(found) <= _MOST_TOLD:
        each = f" ({listed(f'{name} {format_seconds(spent)}' for name, spent in seconds.items())})"
    else:
        least, most = (choose(seconds, key=lambda name: seconds[name]) for choose in (min, max))
        each = f" (from {format_seconds(seconds[least])} for {least} to {format_seconds(seconds[most])} for {most})"
    left = [result.strategy for result in results if result.finished and not result.tuning]
    others = f"; none was searched for {group(left)}" if left else ""
    return (
        f"Finding {'a learning rate' if len(found) == 1 else 'learning rates'} for {group(seconds)} took {trials} trials, "
        f"{format_seconds(sum(seconds.values()))}{each}, beside {format_seconds(runs)} of runs that were measured{others}."
    )


def _found(found: Sequence[FoundRate]) -> str:
    """Say which rates were found, how good they are beside the default ones, and for whom that is more than noise."""
    shown, others = gaining(found), [one for one in found if one.tuning.lr is not None]
    rows = listed(f"{number:,}" for number in sorted({one.tuning.num_rows for one in found}))
    where = f"{word_of(found)} on {rows} validation rows"
    if len(found) <= _MOST_TOLD:
        kept = [one.strategy for one in found if one.tuning.lr is None]
        parts = [f"{one.strategy} {gain_in_words(one)}" for one in others]
        said = (
            f"Found, by {where}: {'; '.join(parts)}"
            if parts
            else f"None that was tried is better than the default rates, by {where}"
        )
        said += f"; none better than the default rates for {listed(kept)}" if parts and kept else ""
    else:
        best = max(found, key=lambda one: one.gain or 0)
        said = f"Rates other than the default are best for {len(others)} of {len(found)} strategies, by {where}"
        said += f"; most of all for {best.strategy}: {gain_in_words(best)}" if best.gain else ""
    if not others or found[0].tuning.metric != "accuracy":
        return f"{said}."
    if not shown:
        return f"{said}. No gain is shown to be more than noise."
    return f"{said}. The gain of {group(one.strategy for one in shown)} is more than noise."


def _rate(result: StrategyResult) -> str:
    """Write the rate that was tried: "the default of 1e-3"; empty where it is not known."""
    rates, spec = peak_rates(result), result.finished[0].spec
    if not rates:
        return ""
    told = " to ".join(format_rate(rate) for rate in sorted({rates[0], rates[-1]}))
    is_default = spec.lr is None and not any(term.options for term in spec.strategy)
    return f"the default of {told}" if is_default else told
