"""Whether equal steps of a run took equal time, from first to last.

Each step's time is divided by the time expected for its number of tokens: a constant (the optimizer)
plus a time per token, fitted robustly (Theil-Sen), so that no single slow step decides.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["unsteadiness"]

MIN_STEPS = 20
"""With fewer, a third of the steps is too few to compare."""
MAX_STEPS = 400
"""Of a longer run, so many evenly spread steps are tested."""
DRIFT = 1.3
"""Least factor between the median times of the first and the last third; the mean is then some 15 % off either."""
ORDERED_SHARE = 0.9
"""Least share of the pairs of an early and a late step that agree with the drift; chance gives that once in 1000 runs."""
LEVELS = 1.5
"""Least factor between two levels of step times."""
LEVEL_SHARE = 0.25
"""Least share of the steps in the smaller level: a few slow steps are outliers, which medians tolerate."""
EXPLAINED_SHARE = 0.85
"""Least share of the variance that two levels explain; of normal noise they explain 0.64, of uniform noise 0.75."""


def unsteadiness(seconds: Sequence[float], tokens: Sequence[int], borders: Sequence[int] = ()) -> str | None:
    """Describe in a sentence how step times changed though the work did not; None where they did not.

    Seconds and tokens are per step, without warm-up. `borders` are the indices of steps from which on other layers train;
    the stretches between them are tested one by one.
    """
    cuts = [0, *sorted({border for border in borders if 0 < border < len(seconds)}), len(seconds)]
    for start, end in pairwise(cuts):
        if end - start >= MIN_STEPS:
            picked = np.unique(np.linspace(start, end - 1, min(end - start, MAX_STEPS)).round().astype(int))
            relative = _log_relative(np.asarray(seconds)[picked], np.asarray(tokens, dtype=float)[picked])
            if found := _drift(relative) or _two_levels(relative):
                return found
    return None


def _log_relative(seconds: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of each step's time over the time expected for its tokens, by a Theil-Sen line."""
    later, earlier = np.triu_indices(len(tokens), 1)
    differs = tokens[later] != tokens[earlier]
    rises = (seconds[later] - seconds[earlier])[differs] / (tokens[later] - tokens[earlier])[differs]
    slope = max(float(np.median(rises)), 0.0) if len(rises) else 0.0
    constant = max(float(np.median(seconds - slope * tokens)), 0.0)
    expected = constant + slope * tokens
    return np.log(np.maximum(seconds, 1e-9) / np.maximum(expected, 1e-9))


def _drift(relative: NDArray[np.float64]) -> str | None:
    third = len(relative) // 3
    early, late = relative[:third], relative[-third:]
    factor = float(np.exp(np.median(late) - np.median(early)))
    ordered = float(np.mean(late[:, None] > early[None, :]))
    agrees = ordered >= ORDERED_SHARE if factor > 1 else ordered <= 1 - ORDERED_SHARE
    if not agrees or max(factor, 1 / factor) < DRIFT:
        return None
    return f"the last third of the steps took {factor:.2f} times as long as the first third for the same work"


def _two_levels(relative: NDArray[np.float64]) -> str | None:
    """Split the times by Otsu's threshold: the cut of the sorted times that explains most of their variance."""
    ordered, num = np.sort(relative), len(relative)
    sizes = np.arange(1, num)
    low = np.cumsum(ordered)[:-1] / sizes
    high = (ordered.sum() - np.cumsum(ordered)[:-1]) / (num - sizes)
    between = sizes * (num - sizes) / num**2 * (high - low) ** 2
    best = int(np.argmax(between))
    factor, share = float(np.exp(high[best] - low[best])), float(1 - sizes[best] / num)
    explains = between[best] >= EXPLAINED_SHARE * ordered.var()
    if not explains or factor < LEVELS or min(share, 1 - share) < LEVEL_SHARE:
        return None
    return f"{share:.0%} of the steps took {factor:.2f} times as long as the others for the same work"
