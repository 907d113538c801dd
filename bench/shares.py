"""Accuracies as shares of rows: one share, and two shares on the same rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import optimize, special, stats

from bench.stats import THIS_RUN, Evidence, Interval, paired, t_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["accuracy_difference", "wilson"]


def wilson(correct: float, total: int, confidence: float = 0.95) -> Interval:
    """Score interval of a share (Wilson, 1927): `correct` of `total` rows."""
    z = _z(confidence)
    share = correct / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), f"Wilson, {THIS_RUN}")


def accuracy_difference(
    correct: Mapping[int, str], reference: Mapping[int, str], confidence: float = 0.95
) -> Interval | None:
    """Difference of two accuracies on the same rows, from strings of "1" (right) and "0" by seed.

    Several common seeds give a paired t interval over seeds, whose spread is never taken to be
    finer than the rounding to whole rows. One gives the score interval for paired shares (Tango,
    Statistics in Medicine 17, 1998) and the exact test on the rows that only one arm got right
    (McNemar's, by the binomial distribution), which is the stricter of the two.
    None without a common seed.

    Raises:
        ValueError: the rows are not the same number in both arms.

    """
    pairs = paired(correct, reference)
    if not pairs:
        return None
    if any(len(ours) != len(theirs) for ours, theirs in pairs):
        raise ValueError("accuracies are compared on the same rows; these are of different number")
    if len(pairs) == 1:
        return _within_a_run(*pairs[0], confidence)
    differences = [(ours.count("1") - theirs.count("1")) / len(ours) for ours, theirs in pairs]
    rounding = 1 / (len(pairs[0][0]) * math.sqrt(12))
    return t_interval(differences, f"paired t over {len(pairs)} seeds", confidence, least_deviation=rounding)


def _z(confidence: float) -> float:
    return float(special.ndtri((1 + confidence) / 2))


def _within_a_run(ours: str, theirs: str, confidence: float) -> Interval:
    gained = sum(a > b for a, b in zip(ours, theirs, strict=True))
    lost = sum(a < b for a, b in zip(ours, theirs, strict=True))
    total, z, estimate = len(ours), _z(confidence), (gained - lost) / len(ours)
    low, high = -_tango_bound(lost, gained, total, z), _tango_bound(gained, lost, total, z)
    p_value = min(1.0, 2 * float(stats.binom.cdf(min(gained, lost), gained + lost, 0.5)))
    # Even where the arms agree on every row, the next row might be the first that they do not.
    error = math.sqrt(max(gained + lost, 1) / total - estimate**2) / math.sqrt(total)
    method = f"paired score interval, {THIS_RUN}"
    return Interval(estimate, low, high, method, Evidence(p_value, error, math.inf))


def _tango_bound(gained: int, lost: int, total: int, z: float) -> float:
    """Upper bound of (gained - lost) / total: where the squared score statistic reaches z squared."""

    def excess(delta: float) -> float:
        a, b, c = 2 * total, (2 * total - gained + lost) * delta - gained - lost, -lost * delta * (1 - delta)
        share_lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = total * (2 * share_lost + delta * (1 - delta))
        return (gained - lost - total * delta) ** 2 - z * z * variance

    just_above = (gained - lost) / total + 1e-9  # at the estimate itself the statistic may be 0 / 0
    return float(optimize.brentq(excess, just_above, 1.0)) if just_above < 1 else 1.0
