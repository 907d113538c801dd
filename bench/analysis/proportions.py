"""Accuracies as shares of rows: one share, and two shares on the same rows."""

from __future__ import annotations

import math

from scipy import optimize, special, stats

from bench.analysis.intervals import RISK, THIS_RUN, Evidence, Interval, Z

__all__ = ["difference_by_row", "wilson"]


def wilson(correct: float, total: int, risk: float = RISK) -> Interval:
    """Score interval of a share (Wilson, 1927): `correct` of `total` rows."""
    share, z = correct / total, float(special.ndtri(1 - risk / 2))
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), f"Wilson, {THIS_RUN}")


def difference_by_row(correct: str, reference: str) -> Interval:
    """Difference of two accuracies on the same rows of one seed, from strings of "1" (right) and "0".

    The interval is the score interval for paired shares (Tango, Statistics in Medicine 17, 1998),
    the test the exact one on the rows that only one arm got right (McNemar's, by the binomial
    distribution), which is the stricter of the two.

    Raises:
        ValueError: the rows are not the same number in both arms.

    """
    gained = sum(ours > theirs for ours, theirs in zip(correct, reference, strict=True))
    lost = sum(ours < theirs for ours, theirs in zip(correct, reference, strict=True))
    total, estimate = len(correct), (gained - lost) / len(correct)
    low, high = -_tango_bound(lost, gained, total), _tango_bound(gained, lost, total)
    p_value = min(1.0, 2 * float(stats.binom.cdf(min(gained, lost), gained + lost, 0.5)))
    # Even where the arms agree on every row, the next row might be the first that they do not.
    error = math.sqrt(max(gained + lost, 1) / total - estimate**2) / math.sqrt(total)
    method = f"paired score interval, {THIS_RUN}"
    return Interval(estimate, low, high, method, Evidence(p_value, error, math.inf))


def _tango_bound(gained: int, lost: int, total: int) -> float:
    """Upper bound of (gained - lost) / total: where the squared score statistic reaches Z squared."""

    def excess(delta: float) -> float:
        a, b, c = 2 * total, (2 * total - gained + lost) * delta - gained - lost, -lost * delta * (1 - delta)
        share_lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = total * (2 * share_lost + delta * (1 - delta))
        return (gained - lost - total * delta) ** 2 - Z * Z * variance

    just_above = (gained - lost) / total + 1e-9  # at the estimate itself the statistic may be 0 / 0
    return float(optimize.brentq(excess, just_above, 1.0)) if just_above < 1 else 1.0
