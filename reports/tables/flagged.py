"""The doubts about runs: each said once, with the strategies that it is about, or that it is about all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import group
from bench.records.flags import kind_of

from .cells import one_line

if TYPE_CHECKING:
    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.flags import FlagCode
    from bench.records.record import Flag

__all__ = ["Flagged", "codes_by_strategies", "flagged", "own_flags"]

_ALL = "all strategies"


@dataclass(frozen=True, slots=True)
class Flagged:
    """One flag code."""

    code: str
    who: str
    """The strategies, with the number of their runs where it is not of all; or that it is all of them."""
    found: str
    """What was found in the first of their runs."""
    meaning: str
    """What it means for the reader."""

    @property
    def is_of_all(self) -> bool:
        """Whether every strategy that has a finished run has it."""
        return self.who == _ALL


def flagged(comparison: Comparison) -> tuple[Flagged, ...]:
    """Group the flags of a comparison by code, those of all strategies first."""
    by_code: dict[FlagCode, list[tuple[StrategyResult, Flag]]] = {}
    for result in comparison.results:
        firsts: dict[FlagCode, Flag] = {}
        for flag in result.flags:
            firsts.setdefault(flag.code, flag)
        for code, flag in firsts.items():
            by_code.setdefault(code, []).append((result, flag))
    made = [
        Flagged(
            one_line(code),
            _who(code, [result for result, _ in found], comparison),
            _found(found),
            kind_of(code).meaning,
        )
        for code, found in by_code.items()
    ]
    return tuple(sorted(made, key=lambda one: not one.is_of_all))


def codes_by_strategies(comparison: Comparison) -> dict[str, str]:
    """List the codes of the flags, each once, by the strategies that have them."""
    codes: dict[str, list[str]] = {}
    for one in flagged(comparison):
        codes.setdefault(one.who, []).append(one.code)
    return {who: ", ".join(found) for who, found in codes.items()}


def own_flags(result: StrategyResult, comparison: Comparison) -> tuple[str, ...]:
    """Return the codes of the flags that this strategy has and not all have, with the number of its runs."""
    return tuple(
        f"{one_line(code)}{_share(code, result)}"
        for code in dict.fromkeys(flag.code for flag in result.flags)
        if not _is_of_all(code, comparison)
    )


def _is_of_all(code: str, comparison: Comparison) -> bool:
    finished = [result for result in comparison.results if result.finished]
    return len(finished) > 1 and all(any(flag.code == code for flag in result.flags) for result in finished)


def _who(code: str, results: list[StrategyResult], comparison: Comparison) -> str:
    if _is_of_all(code, comparison):
        return _ALL
    return group(f"{one_line(result.strategy)}{_share(code, result)}" for result in results)


def _share(code: str, result: StrategyResult) -> str:
    """Write of how many of the runs of a strategy a flag is; empty where it is of all of them."""
    num = sum(any(one_line(flag.code) == one_line(code) for flag in record.flags) for record in result.records)
    return f" ({num} of {len(result.records)} runs)" if num < len(result.records) else ""


def _found(found: list[tuple[StrategyResult, Flag]]) -> str:
    """Write what was found; of which strategy, where it is not the same in all."""
    messages = list(dict.fromkeys(one_line(flag.message).rstrip(".") for _, flag in found))
    first = found[0][0]
    return messages[0] if len(messages) == 1 else f"{messages[0]} ({one_line(first.strategy)})"
