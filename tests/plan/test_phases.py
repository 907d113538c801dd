from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.plan import InTurn, Trainable, throughout

LOW, HIGH = Trainable(frozenset({"layer 0"})), Trainable(frozenset({"head"}))


def test_a_part_begins_with_the_first_step_that_lies_in_its_share() -> None:
    phases = InTurn(((0.0, LOW), (0.5, HIGH)))
    assert [phases.at(step, 5, 0) for step in range(5)] == [LOW] * 3 + [HIGH] * 2
    assert phases.at(0, 1, 0) == LOW
    assert phases.ever() == (LOW, HIGH)


def test_the_same_may_train_throughout() -> None:
    phases = throughout(["head"], frozenset({"bias"}), "*.bias")
    assert phases.ever() == (Trainable(frozenset({"head"}), frozenset({"bias"}), "*.bias"),)
    assert {phases.at(step, 9, step // 3) for step in range(9)} == set(phases.ever())


@pytest.mark.parametrize("starts", [(), (0.5,), (0.0, 0.5, 0.25), (0.0, 0.0), (0.0, 1.0)])
def test_parts_out_of_order_are_refused(starts: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="phases begin in order, the first at 0, all before 1"):
        InTurn(tuple((start, LOW) for start in starts))
