from __future__ import annotations

from dataclasses import replace

from bench.training.parallel.group import Group
from bench.training.parallel.single import Single
from bench.training.set_up import SetUp
from bench.training.together import together
from bench.training.trained import Trained
from tests.applied import CPU

FIRST = Trained(
    seconds=3.0,
    set_up=SetUp(),
    set_up_seconds=0.5,
    step_seconds=(1.0, 2.0),
    step_parts=({"data": 0.25, "forward": 0.75}, {"data": 0.5, "forward": 1.5}),
    step_tokens=(10, 20),
    losses=(0.5, 0.25),
    num_samples=16,
    num_padded_tokens=40,
)
SLOWER = replace(
    FIRST,
    seconds=4.0,
    set_up_seconds=0.75,
    step_seconds=(1.5, 2.5),
    step_parts=({"data": 0.5, "forward": 1.0}, {"data": 1.0, "forward": 1.5}),
    step_tokens=(11, 21),
    num_padded_tokens=44,
)


class _Both(Group):
    """Two ranks in one process: what the second tells is known."""

    def gather(self, numbers: object, /) -> list[list[float]]:
        told: list[list[float]] = []

        class Listening(Group):
            def gather(self, numbers: object, /) -> list[list[float]]:
                told.append(list(numbers))  # type: ignore[call-overload]
                return [list(numbers)]  # type: ignore[call-overload]

        together(SLOWER, Listening(1, 2, CPU))
        return [list(numbers), *told]  # type: ignore[call-overload]


def test_times_are_those_of_the_slowest_rank_and_tokens_those_of_all() -> None:
    of_all = together(FIRST, _Both(0, 2, CPU))  # type: ignore[arg-type]
    assert of_all == replace(SLOWER, step_tokens=(21, 41), num_padded_tokens=84)


def test_one_process_has_measured_all() -> None:
    assert together(FIRST, Single()) is FIRST
