"""Many comparisons at once: correction of their p-values, and letters for what they cannot tell apart."""

from __future__ import annotations

import itertools
import string
from collections import Counter
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
    """Assign letters to names, in their order, such that two share one exactly if they do not differ.

    The display always exists, though being tied is not transitive: "a", "ab", "b" says that the
    outer two differ and the middle one cannot be told from either (Piepho, Journal of
    Computational and Graphical Statistics 13, 2004). Each letter is grown from a tie that has none
    yet, and what the others make redundant is taken away: inserting and absorbing finds the same
    letters for a few names, but ever more of them for many (Gramm, Guo, Hueffner, Niedermeier,
    Piepho and Schmid, Computational Statistics & Data Analysis 52, 2007).
    """
    differ = {frozenset(two) for two in differing}
    ties = [two for two in itertools.combinations_with_replacement(names, 2) if frozenset(two) not in differ]
    groups: list[list[str]] = []
    covered: Counter[tuple[str, str]] = Counter()
    for one, other in sorted(ties, key=lambda two: two[0] == two[1]):  # a name alone only where it is tied with none
        if not covered[one, other]:
            groups.append(_grown({one, other}, names, differ))
            covered.update(itertools.combinations_with_replacement(groups[-1], 2))
    kept = sorted(_needed(groups, covered), key=lambda group: [names.index(name) for name in group])
    return {name: "".join(_letter(place) for place, group in enumerate(kept) if name in group) for name in names}


def _grown(group: set[str], names: Sequence[str], differ: set[frozenset[str]]) -> list[str]:
    """Take in every name that differs from none of the group, in order."""
    for name in names:
        if not any(frozenset((name, member)) in differ for member in group):
            group.add(name)
    return [name for name in names if name in group]


def _needed(groups: list[list[str]], covered: Counter[tuple[str, str]]) -> list[list[str]]:
    """Leave out the groups all of whose ties another group shows too."""
    kept = []
    for group in groups:
        pairs = list(itertools.combinations_with_replacement(group, 2))
        if all(covered[pair] > 1 for pair in pairs):
            covered.subtract(pairs)
        else:
            kept.append(group)
    return kept


def _letter(place: int) -> str:
    """Count with letters: a to z, then a1 to z1 and so on."""
    times, place = divmod(place, len(string.ascii_lowercase))
    return string.ascii_lowercase[place] + (str(times) if times else "")
