"""Comparisons with a known truth: intervals cover it, and equal strategies are told apart at most one time in twenty.

The noise is that of a shared machine: step times that hang together, slow single steps, now and then a neighbour that
takes a part of a run, and an effect of each process that lasts for its whole run. Several seeds speak of the
strategies. One seed speaks of its own run, to whose truth the effect of its process belongs, and whose neighbours are
for a flag to find: the single runs that are tested have neither. What both do to a reader who takes one run for more
than that is printed beside.
"""

import itertools
import math
import sys

import numpy as np
import pytest

from bench.analysis.claims import claimed
from bench.analysis.intervals import difference, ratio, step_ratio
from bench.analysis.proportions import difference_by_row

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NUM_REPETITIONS = {0.0: 8000, 0.05: 2000, 0.1: 2000}
"""By the true difference: more where there is none, so that chance alone does not lift 4.6 % above 5."""
NUM_STRATEGIES = 4
NUM_STEPS = 30
"""Of the default comparison, warm-up left out."""
NUM_ROWS = 256
ACCURACY = 0.75
PAIRS = list(itertools.combinations(range(NUM_STRATEGIES), 2))
TOGETHER = "1, steps that hang together more (0.7)"
ALONE = "1, read as of any run"


def _step_seconds(random, num_repetitions, num_seeds, correlation, *, of_any_run):
    """Step times of equal strategies, as (repetitions, strategies, seeds, steps)."""
    shape = (num_repetitions, NUM_STRATEGIES, num_seeds, NUM_STEPS)
    jitter = random.normal(0, 0.04, shape)
    for step in range(1, NUM_STEPS):
        jitter[..., step] = correlation * jitter[..., step - 1] + math.sqrt(1 - correlation**2) * jitter[..., step]
    logs = jitter + (random.random(shape) < 0.02) * np.log1p(random.exponential(0.6, shape))
    if of_any_run:
        spread = random.uniform(0.01, 0.03, (num_repetitions, 1, 1, 1))
        logs += random.normal(0, 1, (*shape[:3], 1)) * spread
        length = random.uniform(0.2, 0.6, (*shape[:3], 1)) * NUM_STEPS
        first = random.random((*shape[:3], 1)) * (NUM_STEPS - length)
        hit = random.random((*shape[:3], 1)) < 0.08
        within = (np.arange(NUM_STEPS) >= first) & (np.arange(NUM_STEPS) < first + length)
        logs += (hit & within) * np.log1p(random.uniform(0.1, 0.4, (*shape[:3], 1)))
    return np.exp(logs)


def _times(random, num_seeds, effect, correlation=0.4, *, of_any_run):
    """For each repetition the intervals of all pairs, and the ratio that they should hold."""
    seconds = _step_seconds(random, NUM_REPETITIONS[effect], num_seeds, correlation, of_any_run=of_any_run)
    seconds[:, 0] *= 1 + effect
    truth = [1 + effect if 0 in pair else 1.0 for pair in PAIRS]
    for arms in seconds:
        if num_seeds == 1:
            runs = [arm[0] for arm in arms]
            yield [step_ratio(runs[i], runs[j]).around(runs[i].sum() / runs[j].sum()) for i, j in PAIRS], truth
        else:
            totals = [dict(enumerate(arm.sum(axis=1))) for arm in arms]
            yield [ratio(totals[i], totals[j]) for i, j in PAIRS], truth


def _accuracies(random, num_seeds, effect):
    """The same for accuracy; several seeds share the rows, whose own difference is then the truth."""
    for _ in range(NUM_REPETITIONS[effect]):
        chances = random.beta(3 * ACCURACY, 3 * (1 - ACCURACY), NUM_ROWS)
        draws = random.random((NUM_STRATEGIES, num_seeds, NUM_ROWS)) < chances
        draws[0] &= random.random((num_seeds, NUM_ROWS)) >= effect / ACCURACY
        lost = effect if num_seeds == 1 else effect / ACCURACY * chances.mean()
        truth = [-lost if 0 in pair else 0.0 for pair in PAIRS]
        if num_seeds == 1:
            texts = ["".join("01"[answer] for answer in arm[0].tolist()) for arm in draws]
            yield [difference_by_row(texts[i], texts[j]) for i, j in PAIRS], truth
        else:
            shares = [dict(enumerate(arm.mean(axis=1))) for arm in draws]
            rounding = 1 / (NUM_ROWS * math.sqrt(12))
            yield [difference(shares[i], shares[j], least_deviation=rounding) for i, j in PAIRS], truth


def _shares(experiments, same):
    """How often an interval holds the truth, any equal pair is told apart, and the first pair is."""
    covered, false, found = [], [], []
    for intervals, truth in experiments:
        sides = claimed(intervals, same)
        covered += [interval.side(value) == 0 for interval, value in zip(intervals, truth, strict=True)]
        false.append(any(side for side, value in zip(sides, truth, strict=True) if value == same))
        found.append(sides[0] != 0)
    return np.mean(covered), np.mean(false), np.mean(found)


CASES = {
    "time": (
        1.0,
        {
            "1": lambda random, effect: _times(random, 1, effect, of_any_run=False),
            TOGETHER: lambda random, effect: _times(random, 1, effect, 0.7, of_any_run=False),
            ALONE: lambda random, effect: _times(random, 1, effect, of_any_run=True),
            "3": lambda random, effect: _times(random, 3, effect, of_any_run=True),
            "5": lambda random, effect: _times(random, 5, effect, of_any_run=True),
            "10": lambda random, effect: _times(random, 10, effect, of_any_run=True),
        },
    ),
    "accuracy": (
        0.0,
        {str(num): lambda random, effect, num=num: _accuracies(random, num, effect) for num in (1, 3, 5, 10)},
    ),
}


@pytest.mark.parametrize("metric", CASES)
def test_intervals_cover_and_equal_strategies_are_seldom_told_apart(metric, capsys):
    same, makers = CASES[metric]
    lines = [f"{metric}, % of comparisons of {NUM_STRATEGIES} strategies"]
    lines += [f"{'seeds':>38} {'covered at 0/5/10':>20} {'any false claim':>16} {'power at 5':>11} {'at 10':>6}"]
    results = {}
    for name, make in makers.items():
        random = np.random.default_rng(2026)
        results[name] = [_shares(make(random, effect), same) for effect in (0.0, 0.05, 0.1)]
        covered = "/".join(f"{100 * each[0]:.1f}" for each in results[name])
        (_, false, _), (_, _, at_five), (_, _, at_ten) = results[name]
        lines += [f"{name:>38} {covered:>20} {100 * false:>16.1f} {100 * at_five:>11.1f} {100 * at_ten:>6.1f}"]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))
    for name, found in results.items():
        if name in {TOGETHER, ALONE}:
            continue
        assert all(0.93 <= covered <= 0.97 for covered, _, _ in found), name
        assert all(false <= 0.05 for _, false, _ in found), name
