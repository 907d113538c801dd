"""Rates of parameters by patterns of their names, few enough to be read."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["name_patterns"]

OF_PEFT = "default"
"""The name that peft gives an adapter, which tells less than the name of its part."""


def name_patterns(rates: Mapping[str, float | None]) -> dict[str, float]:
    """Return globs with the rate of all names that they fit, of which the first that fits a name counts.

    No pattern fits a name whose rate is None. The fewest names come first, which a pattern of many may fit too.
    """
    having: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for name in rates:
        for pattern in _patterns(name):
            having[pattern][name] = None
    groups: defaultdict[float, list[str]] = defaultdict(list)
    for name, rate in rates.items():
        if rate is not None:
            groups[rate].append(name)
    found: dict[str, float] = {}
    left = set(rates)
    for rate, names in sorted(groups.items(), key=lambda group: len(group[1])):
        others, missing = left.difference(names), dict.fromkeys(names)
        fitting = {pattern for name in names for pattern in _patterns(name) if others.isdisjoint(having[pattern])}
        while missing:
            most = max(len(missing.keys() & having[pattern]) for pattern in fitting)
            # The first of those that fit the most, in the order in which the first name left has them.
            best = next(
                pattern
                for name in missing
                for pattern in _patterns(name)
                if pattern in fitting and len(missing.keys() & having[pattern]) == most
            )
            found[best] = rate
            for name in having[best]:
                missing.pop(name, None)
        left.difference_update(names)
    return found


def _patterns(name: str) -> Iterator[str]:
    """Globs that fit a name: by its beginning, the shortest first, by a part of it, and itself."""
    parts = name.split(".")
    yield from (".".join([*parts[:end], "*"]) for end in range(1, len(parts)))
    yield from (f"*.{part}.*" for part in reversed(parts[1:-1]) if not part.isdigit() and part != OF_PEFT)
    if len(parts) > 1:
        yield f"*.{parts[-1]}"
    yield name
