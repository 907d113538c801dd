"""Whether the steps of a run took the same time for the same work, from first to last.

A step's time is held against what a step of its tokens takes in this run: a constant (the
optimizer) and a rate per token, fitted by medians, so that no single slow step decides.
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
"""Below, thirds of the steps are too few to speak of."""
MAX_STEPS = 400
"""Of more, so many evenly spread ones are looked at."""
DRIFT = 1.3
"""Between the first and the last third: the mean of a run is then some 15 % from either."""
ORDERED_SHARE = 0.9
"""Of all pairs of an early and a late step, those that must agree with the drift; chance gives that once in a thousand runs."""
LEVELS = 1.5
"""Between two levels of step times."""
LEVEL_SHARE = 0.25
"""Of the steps that the smaller level must have: a few slow steps are outliers, and the medians bear them."""
EXPLAINED_SHARE = 0.85
"""Of the variance that two levels must explain; 0.64 is what they explain of normal noise, 0.75 of even noise."""


def unsteadiness(seconds: Sequence[float], tokens: Sequence[int], borders: Sequence[int] = ()) -> str | None:
    """Say in a sentence how the step times changed without their work changing; None where they did not.

    Args:
        seconds: Of every step, warm-up left out.
        tokens: Of the same steps.
        borders: Indices at which the strategy itself changes what a step does; each stretch is held against itself.

    """
    cuts = [0, *sorted({border for border in borders if 0 < border < len(seconds)}), len(seconds)]
    for start, end in pairwise(cuts):
        if end - start >= MIN_STEPS:
            picked = np.unique(np.linspace(start, end - 1, min(end - start, MAX_STEPS)).round().astype(int))
            relative = _relative(np.asarray(seconds)[picked], np.asarray(tokens, dtype=float)[picked])
            if found := _drift(relative) or _levels(relative):
                return found
    return None


def _relative(seconds: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of the seconds over what a step of so many tokens takes (a Theil-Sen line)."""
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


def _levels(relative: NDArray[np.float64]) -> str | None:
    """Cut the sorted times in two where that explains most of their variance."""
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
