from __future__ import annotations

import numpy as np
import pytest

from bench.records.steadiness import unsteadiness

NUM_STEPS = 30


def steps(seed: int = 0, noise: float = 0.05, num_steps: int = NUM_STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Steps with a constant and a rate per token."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(300, 1200, num_steps)
    return (0.3 + 2e-3 * tokens) * np.exp(noise * rng.normal(size=num_steps)), tokens


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3])
def test_steps_of_various_lengths_on_a_noisy_machine_are_steady(noise: float) -> None:
    found = [unsteadiness(*map(list, steps(seed, noise))) for seed in range(50)]

    assert sum(sentence is not None for sentence in found) <= 1


def test_a_few_slow_steps_are_outliers_not_a_level() -> None:
    seconds, tokens = steps()
    seconds[[3, 14, 25]] *= 4

    assert unsteadiness(list(seconds), list(tokens)) is None


@pytest.mark.parametrize(("factor", "words"), [(1.6, "1.6"), (1 / 1.6, "0.6")])
def test_a_run_that_changes_its_pace_for_good_drifts(factor: float, words: str) -> None:
    seconds, tokens = steps()
    seconds[NUM_STEPS // 2 :] *= factor

    found = unsteadiness(list(seconds), list(tokens))

    assert found is not None
    assert found.startswith(f"the last third of the steps took {words}")


def test_a_pace_that_jumps_to_and_fro_has_two_levels() -> None:
    seconds, tokens = steps()
    seconds[::2] *= 1.8

    found = unsteadiness(list(seconds), list(tokens))

    assert found is not None
    assert found.startswith("50% of the steps took 1.")


def test_a_strategy_that_changes_its_steps_is_held_against_itself() -> None:
    seconds, tokens = steps(num_steps=60)
    seconds[30:] *= 3

    assert unsteadiness(list(seconds), list(tokens)) is not None
    assert unsteadiness(list(seconds), list(tokens), [30]) is None
    assert unsteadiness(list(seconds), list(tokens), [-1, 60]) is not None


def test_too_few_steps_say_nothing() -> None:
    assert unsteadiness([1.0] * 9 + [9.0] * 9, [5] * 18) is None


def test_steps_of_one_length_are_compared_as_they_are() -> None:
    assert unsteadiness([1.0] * 30, [5] * 30) is None
    assert unsteadiness([1.0] * 15 + [2.0] * 15, [5] * 30) is not None


def test_a_long_run_is_looked_at_in_part() -> None:
    seconds, tokens = steps(num_steps=5000)
    assert unsteadiness(list(seconds), list(tokens)) is None
    seconds[2500:] *= 2
    assert unsteadiness(list(seconds), list(tokens)) is not None
