"""Many comparisons at once: correction of their p-values, and letters for what they cannot tell apart."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["holm", "letters"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values so that the chance of any false claim among them stays below the level (Holm, 1979)."""
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)


def letters(names: Sequence[str], differing: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give letters to names, in their order, such that two share one exactly if they do not differ.

    The display is compact and always exists, though being tied is not transitive: "a", "ab", "b"
    says that the outer two differ and the middle one cannot be told from either (insert and
    absorb: Piepho, Journal of Computational and Graphical Statistics 13, 2004).
    """
    groups = [frozenset(names)] if names else []
    for one, other in differing:
        split = [group - {name} for group in groups if {one, other} <= group for name in (one, other)]
        kept = [group for group in groups if not {one, other} <= group]
        groups = [*kept, *(group for group in dict.fromkeys(split) if not any(group <= whole for whole in kept))]
    order = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(map(order.__getitem__, group)))
    return {name: "".join(_letter(place) for place, group in enumerate(groups) if name in group) for name in names}


def _letter(place: int) -> str:
    """Count with letters: a to z, then a1 to z1 and so on."""
    times, place = divmod(place, len(string.ascii_lowercase))
    return string.ascii_lowercase[place] + (str(times) if times else "")
