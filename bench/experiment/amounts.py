"""Amounts as people write them, such as "16 GiB", "1 h 30 min" and "85 %": read in one place."""

from __future__ import annotations

import re

from bench.errors import UnknownName, UsageError
from bench.inert import shown

__all__ = ["NUMBER", "amount", "finite"]

NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"

_UNITS = {
    "bytes": {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
    | {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "share": {"": 1.0, "%": 0.01, "point": 0.01, "points": 0.01},
}
"""By the unit that the amount is returned in, as METRICS names it."""

_AMOUNT = re.compile(rf"(?P<number>{NUMBER})\s*(?P<unit>\S*)")
_PART = r"[0-9]+(?:\.[0-9]+)?\s*[a-z]+"
_PARTS = re.compile(rf"(?:{_PART}\s*){{2,}}")
_MOST = 1e100


def amount(written: str, unit: str, where: str) -> float:
    """Read a number with its unit, in `unit`: "bytes", "s" (also "1 h 30 min"), "share", or another, which alone it may then have.

    A message says `where` it stands.

    Raises:
        UsageError: it is no number, or has no unit.
        UnknownName: its unit is another's.

    """
    text = written.strip()
    units = _UNITS.get(unit, {"": 1.0, unit: 1.0})
    found = _AMOUNT.fullmatch(text)
    if unit == "s" and _PARTS.fullmatch(text) and not (found and found["unit"] in units):
        return sum(amount(part, unit, where) for part in re.findall(_PART, text))
    if not found:
        raise UsageError(f"{where}: {shown(written)} is no number with a unit")
    if not found["unit"] and "" not in units:
        raise UsageError(f"{where}: {text} of what? Give a unit: {', '.join(units)}")
    if found["unit"] not in units:
        raise UnknownName("unit", found["unit"], filter(None, units), hint=f"In {where}.")
    return finite(found["number"], where) * units[found["unit"]]


def finite(written: str, where: str) -> float:
    """Read a number that is not beyond all use.

    Raises:
        UsageError: it is.

    """
    number = float(written)
    if not number < _MOST:
        raise UsageError(f"{where}: {shown(written)} is more than anything can be")
    return number
