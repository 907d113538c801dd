"""Checks that labels are classes, and remarks on odd class names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from bench.errors import DataError
from bench.records.names import in_quotes
from bench.workload.data.labels import KEPT_BACK, natural_order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from bench.workload.data.cleaning import Cleaned

__all__ = ["alike", "check_classes", "remarks_on"]

_MOST_NUMBERS = 20
"""The most distinct numbers that count as classes where some are fractions."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_MOST_TOLD = 3
"""The most examples in a sentence."""
_MISSING = frozenset(
    ("n/a", "na", "n.a.", "#n/a", "<na>", "nan", "nat", "none", "null", "nil", "missing", "undefined", "-", "--", "?")
)
"""Common spellings of a missing value, in lower case."""


def check_classes(counts: Counter[str], where: str) -> None:
    """Refuse labels that are no classes but a measured quantity, or ids of single rows.

    `counts` are the rows of each label; `where` is what has them, as the beginning of a sentence.

    Raises:
        DataError: there are over 20 different numbers with fractions among them, or most labels occur once.

    """
    num_rows = counts.total()
    numbers = {name: value for name in counts if (value := _number(name)) is not None}
    fractions = [name for name, value in numbers.items() if value != value.to_integral_value()]
    of_numbers = sum(counts[name] for name in numbers)
    if len(numbers) > _MOST_NUMBERS and fractions and 2 * of_numbers > num_rows:
        raise DataError(
            f"{where} has {len(numbers)} different numbers as labels, some of them fractions ({_listed([*map(in_quotes, fractions)])}): that is "
            "a quantity, not classes; choose another label column (--label-column), or put it into a few ranges first"
        )
    once = [name for name, count in counts.items() if count == 1]
    over_half = 2 * len(once) > num_rows or (len(counts) > _MOST_NUMBERS and 2 * len(once) > len(counts))
    if len(counts) > 2 and over_half:  # noqa: PLR2004  (two classes of a row each are too few rows, not too many classes)
        raise DataError(
            f"{len(once)} of the {len(counts)} different labels of {where} occur once ({_listed([*map(in_quotes, once)])}): they tell single rows "
            "apart and are no classes; choose another label column (--label-column), or leave out or merge the rare ones"
        )


def alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Group names that differ only in case, blanks, Unicode form or the spelling of a number or a boolean."""
    groups: dict[str | Decimal, list[str]] = {}
    for name in names:
        groups.setdefault(_folded(name), []).append(name)
    return tuple(tuple(sorted(group, key=natural_order)) for group in groups.values() if len(group) > 1)


def remarks_on(sources: Iterable[Cleaned]) -> tuple[str, ...]:
    """List what is odd about the class names of all splits, a sentence each, the most important first.

    Only names that `class_of` maps to one class are merged, which is remarked on too.
    """
    spellings: dict[str, Counter[str]] = {}
    for source in sources:
        for name, written in source.spellings.items():
            spellings.setdefault(name, Counter()).update(written)
    return tuple(_remarks({name: written.total() for name, written in spellings.items()}, spellings))


def _remarks(counts: Mapping[str, int], spellings: Mapping[str, Counter[str]]) -> Iterator[str]:
    for group in alike(counts):
        told = ", ".join(
            f"{name} ({_rows(counts[each])})" for name, each in zip(_told_apart(group), group, strict=True)
        )
        yield f"{told} look alike, and are classes of their own"
    missing = [name for name in counts if name.casefold() in _MISSING]
    if missing:
        told = ", ".join(f"{in_quotes(name)} ({_rows(counts[name])})" for name in missing)
        yield f"{told} may mean a missing label, and {'are classes' if len(missing) > 1 else 'is a class'} here"
    if KEPT_BACK in counts:
        yield f"{in_quotes(KEPT_BACK)} ({_rows(counts[KEPT_BACK])}) is a class like the others"
    merged = {
        name: [f"{in_quotes(each)} ({_rows(count)})" for each, count in written.items() if each != name]
        for name, written in spellings.items()
        if len(written) > 1
    }
    if merged:
        said = [f"{in_quotes(name)} is also written {_listed(others)}" for name, others in merged.items()]
        more = f"; and so on for {len(said) - _MOST_TOLD} more" if len(said) > _MOST_TOLD else ""
        yield f"{'; '.join(said[:_MOST_TOLD])}{more}: counted as one class"


def _told_apart(group: Collection[str]) -> list[str]:
    """Write names that look alike so that they differ: by code points where they look the same."""
    looks = {unicodedata.normalize("NFC", name) for name in group}
    if len(looks) == len(group):
        return [in_quotes(name) for name in group]
    return [
        in_quotes("".join(char if char.isascii() else char.encode("unicode_escape").decode() for char in name))
        for name in group
    ]


def _folded(name: str) -> str | Decimal:
    """Return what names that look alike have in common: their letters, or their exact value as a number."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    text = "".join(char for char in text if not char.isspace() and unicodedata.category(char) != "Cf")
    value = _number(text)
    truth = {"true": Decimal(1), "false": Decimal(0)}
    return truth.get(text, text) if value is None else value


def _number(name: str) -> Decimal | None:
    """Parse a number, perhaps with a decimal comma, a percent sign or a currency; None for anything else."""
    text = name.strip("%$\u20ac\u00a3 ")
    try:
        return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # its exponent is too large
        return None


def _listed(told: Collection[str]) -> str:
    return ", ".join([*told][:_MOST_TOLD]) + (" and others" if len(told) > _MOST_TOLD else "")


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
