import numpy as np
import pytest
from scipy import special

from bench.gate.judging.moderated import effective_number, moderate


def test_equal_variances_are_pooled_and_unequal_ones_are_not():
    random = np.random.default_rng(4)
    residuals = random.normal(size=(200, 5, 300))  # of five degrees of freedom
    variances, degrees = moderate(residuals, 5)
    assert degrees.mean() > 30
    assert (variances >= (residuals**2).sum(-2) / 5 - 1e-12).all(), "none is taken for less noisy than it was"
    wild = residuals * np.exp(random.normal(size=(200, 1, 300)))
    assert moderate(wild, 5)[1].mean() < 10


def test_benchmarks_that_go_together_count_as_one():
    random = np.random.default_rng(5)
    apart = random.normal(size=(200, 5, 100))
    groups = np.repeat(random.normal(size=(200, 5, 2)), 50, axis=-1)
    assert effective_number(apart, 5).mean() > 60
    assert effective_number(groups, 5).mean() < 4
    assert effective_number(np.repeat(apart[..., :1], 100, axis=-1), 5) == pytest.approx(np.ones(200))
    assert moderate(groups, 5)[1].mean() < 25


def test_the_prior_is_that_of_its_own_distribution():
    """Variances drawn from a scaled inverse chi-squared of 10 degrees: the moments of their logarithms give those back."""
    random = np.random.default_rng(6)
    sigma = np.sqrt(10 / random.chisquare(10, size=20_000))
    _, degrees = moderate(random.normal(size=(5, 20_000)) * sigma, 5)
    assert 8 < degrees[0] - 5 < 12
    assert special.polygamma(1, 5.0) == pytest.approx(0.2213, abs=1e-4)
