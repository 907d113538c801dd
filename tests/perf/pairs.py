"""Two sides turn by turn: one turn each makes a pair, and who begins alternates, so that drift hits both alike."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Generic, TypeVar

from bench.analysis import intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.analysis.intervals import Interval

__all__ = ["NUM_PAIRS", "Pairs", "ratio"]

NUM_PAIRS = int(os.environ.get("BENCH_PERF_PAIRS", "5"))

Their = TypeVar("Their")
Our = TypeVar("Our")
Ready = TypeVar("Ready")


@dataclass
class Pairs(Generic[Their, Our]):
    """What each side did, in the order of the pairs."""

    theirs: list[Their] = field(default_factory=list)
    ours: list[Our] = field(default_factory=list)

    def measure(
        self,
        benchmark: BenchmarkFixture,
        their_turn: Callable[[], Their],
        our_turn: Callable[[Ready], Our],
        *,
        get_ready: Callable[[], Ready],
        num_pairs: int = NUM_PAIRS,
    ) -> None:
        """Let both sides take their turns; pytest-benchmark times ours, without what `get_ready` does."""

        def before() -> tuple[tuple[Ready], dict[str, object]]:
            if len(self.ours) % 2 == 0:
                self.theirs.append(their_turn())
            return (get_ready(),), {}

        def turn(ready: Ready) -> None:
            self.ours.append(our_turn(ready))

        def after(_ready: Ready) -> None:
            if len(self.theirs) < len(self.ours):
                self.theirs.append(their_turn())

        benchmark.pedantic(turn, setup=before, teardown=after, rounds=num_pairs)  # type: ignore[no-untyped-call]


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Interval:
    """How many times as fast ours are: the medians' ratio, in a paired t interval on the logarithms by pair."""
    interval = intervals.ratio(dict(enumerate(theirs)), dict(enumerate(ours)))
    assert interval is not None
    return interval.around(median(theirs) / median(ours))
