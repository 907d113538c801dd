"""What each way of running a model took before any run, over all strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment.ways import WAYS
from bench.records.metrics import format_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.experiment.ways import Way

__all__ = ["in_words", "sums_of"]


def sums_of(times: Mapping[str, Mapping[Way, Sequence[float]]]) -> dict[Way, list[float]]:
    """Sum over strategies, turn by turn, for each way in which all of them run, in the order of WAYS.

    Args:
        times: By strategy and way: seconds in every turn.

    """
    common = [way for way in WAYS if times and all(way in of_one for of_one in times.values())]
    return {way: [sum(turn) for turn in zip(*(one[way] for one in times.values()), strict=True)] for way in common}


def in_words(times: Mapping[str, Mapping[Way, Sequence[float]]]) -> str:
    """Say what each way took in its fastest turn, over all strategies: "packed-varlen 17.0 ms, padded 66.1 ms"; empty where none was timed."""
    return ", ".join(f"{way} {format_seconds(min(turns))}" for way, turns in sums_of(times).items())
