import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis.intervals import Interval, another, difference, step_ratio
from bench.analysis.power import detectable, rows_needed, rows_to_exceed, seeds_needed, seeds_to_predict
from bench.analysis.proportions import difference_by_row


def test_the_detectable_difference_is_detected_as_often_as_promised():
    samples = dict(enumerate(np.random.default_rng(0).normal(0, 1, 12)))
    evidence = difference(samples, dict.fromkeys(samples, 0.0)).evidence
    effect = detectable(evidence, 0.05) / evidence.standard_error / math.sqrt(12)  # in deviations of one seed
    draws = np.random.default_rng(1).normal(effect, 1, (20_000, 12))
    t_values = draws.mean(1) / draws.std(1, ddof=1) * math.sqrt(12)
    assert np.mean(t_values > 2.201) == pytest.approx(0.8, abs=0.02)


def test_more_seeds_are_needed_for_less():
    interval = difference({0: 1.0, 1: 1.2, 2: 0.9}, dict.fromkeys(range(3), 0.0))
    many = [seeds_needed(interval, effect, 0.05) for effect in (1.0, 0.2, 0.1)]
    assert many == sorted(many)
    assert seeds_needed(interval, 1e-6, 0.05) is None
    # A textbook value: an effect of one deviation takes 10 pairs at 5 % and 80 % (Cohen, 1988, table 2.4.1).
    assert seeds_needed(interval, float(np.std([1.0, 1.2, 0.9], ddof=1)), 0.05) == 10


def test_as_many_seeds_as_promised_settle_where_another_run_lies():
    known = another(dict(enumerate((9.0, 10.0, 11.0))))
    num = seeds_to_predict(known, 13.5, 0.05)
    assert num == 6

    def settled(num):
        draws = np.random.default_rng(0).normal(10, 1, (50_000, num))
        high = draws.mean(1) + stats.t.isf(0.025, num - 1) * draws.std(1, ddof=1) * math.sqrt(1 + 1 / num)
        return np.mean(high < 13.5)

    assert settled(num - 1) < 0.8 < settled(num)
    assert seeds_to_predict(known, 11.9, 0.05) is None, "runs vary by more"
    assert seeds_to_predict(another({0: 3.0, 1: 3.0}), 3.1, 0.05) == 2, "runs do not vary"
    assert seeds_to_predict(Interval(1.0, None, None, "one value"), 2.0, 0.05) is None


def test_a_run_counts_as_one_seed():
    noise = np.exp(np.random.default_rng(0).normal(0, 0.05, 40))
    interval = step_ratio(list(noise), [1.0] * 40)
    assert seeds_needed(interval, 0.1, 0.05) == 3


def test_nothing_is_known_without_bounds():
    bare = Interval(1.0, None, None, "one value")
    assert seeds_needed(bare, 0.1, 0.05) is None
    assert rows_needed(bare, 100, 0.1, 0.05) is None


def test_rows_grow_with_the_square_of_what_is_to_be_seen():
    interval = difference_by_row("1" * 90 + "0" * 10, "1" * 80 + "0" * 10 + "1" * 10)
    coarse, fine = (rows_needed(interval, 100, effect, 0.05) for effect in (0.1, 0.05))
    # 20 of 100 rows are discordant: (1.96 + 0.84)^2 * 0.2 / 0.1^2.
    assert (coarse, fine) == (157, 628)
    over_seeds = difference({0: 0.5, 1: 1.0}, {0: 0.0, 1: 1.0})
    assert rows_needed(over_seeds, 2, 0.1, 0.05) is None


def test_rows_that_show_a_share_above_a_bound():
    assert rows_to_exceed(0.6, 0.5) == 189
