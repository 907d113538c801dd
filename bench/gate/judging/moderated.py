"""The variance of each benchmark, moderated by those of the others: Smyth, Linear models and empirical Bayes methods, 2004.

A few processes estimate the variance of one benchmark poorly. Where the benchmarks of a suite are about
equally noisy, each borrows strength from the others. Three things keep that conservative: the prior is
trusted only as far as that many benchmarks support it, benchmarks that vary together count as fewer, and
the variance of a benchmark noisier than the others is never lowered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["effective_number", "moderate"]

_LEAST = 1e-12
"""The smallest variance of a logarithm: no clock resolves a millionth of a time."""


def moderate(residuals: NDArray[np.float64], degrees: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the moderated variance of every benchmark, (..., benchmarks), and their degrees of freedom, (..., 1).

    The residuals, (..., processes, benchmarks), are without sides, trend and what the benchmarks of a process share;
    `degrees` are those of the residuals of one benchmark.
    """
    own = np.maximum((residuals**2).sum(-2) / degrees, _LEAST)
    number = effective_number(residuals, degrees)
    logs = np.log(own) - special.digamma(degrees / 2) + np.log(degrees / 2)
    by_chance = special.polygamma(1, degrees / 2)
    kurtosis = 3 + special.polygamma(3, degrees / 2) / by_chance**2
    # How much the true variances may differ: what is observed beyond chance, and what chance may have hidden.
    spread = np.maximum(logs.var(-1, ddof=1) - by_chance, 0) + by_chance * np.sqrt((kurtosis - 1) / number)
    prior_degrees = np.minimum(2 * _inverse_trigamma(spread), degrees * (number - 1))[..., None]
    prior = np.exp(logs.mean(-1, keepdims=True))
    steadied = (prior_degrees * prior + degrees * own) / (prior_degrees + degrees)
    return np.maximum(steadied, own), prior_degrees + degrees


def effective_number(residuals: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """Return the effective number of independent benchmarks: all where none are correlated, 1 where all are fully."""
    num = residuals.shape[-1]
    scaled = residuals / np.sqrt(np.maximum((residuals**2).sum(-2, keepdims=True), _LEAST))
    between = scaled @ np.swapaxes(scaled, -1, -2)  # (..., processes, processes)
    squared = ((between**2).sum((-1, -2)) - num) / (num * (num - 1))  # the mean squared correlation of two benchmarks
    shared = (
        np.clip((squared - 1 / degrees) / max(1 - 1 / degrees, 1e-9), 0, 1) if degrees > 1 else np.ones_like(squared)
    )
    return np.asarray(num / (1 + (num - 1) * shared))


def _inverse_trigamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve trigamma(x) = values for values above zero, by Newton's method on 1 / trigamma."""
    x = 0.5 + 1 / values
    for _ in range(12):
        found = special.polygamma(1, x)
        x = x + found * (1 - found / values) / special.polygamma(2, x)
    return np.asarray(x)
