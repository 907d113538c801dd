"""Reads separated values (CSV, TSV) strictly: every record must have as many fields as the header.

Such a file does not say how it is to be read. A separator is chosen if the whole file fits it and fits no other.
Quotes are read as in standard CSV; in a file of tabs they may be ordinary characters, which is tried first. Where
both ways fit and the rows differ, the file is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

from bench.errors import DataError
from bench.workload.data.files.decode import decode
from bench.workload.data.files.table import Columns, Table, refusal
from bench.workload.data.files.ways import SEPARATORS, Fit, Misfit, Record, Way, records, try_way

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.experiment.choices import Quoting
    from bench.workload.data.files.table import Options

__all__ = ["open_delimited"]

_TOLD_SEPARATOR = re.compile(r"sep=([^\r\n])(?=[\r\n])", re.IGNORECASE)
"""A first line by which Excel is told the separator, and which is no row."""


def open_delimited(data: bytes, kind: str, file: Path, options: Options) -> Table:
    """Find the only way in which a whole file of separated values can be read.

    Raises:
        DataError: there is none, or more than one.

    """
    text, encoding = decode(data, options.encoding, file)
    usual = "\t" if kind == ".tsv" else ","
    told = _TOLD_SEPARATOR.match(text)
    text = text[told.end() :] if told else text  # its line break stays, so that lines keep their numbers
    fit = _choose(text, _separators(text, told.group(1) if told else None, usual), options.quoting, file)
    facts = Counter[str]()
    if encoding:
        facts[f"read as {encoding}"] = 0
    if fit.way.separator != usual:
        facts[f"separated by {SEPARATORS.get(fit.way.separator, fit.way.separator)}"] = 0
    if fit.way.quoting == "none" and '"' in text:
        facts["quotes read as characters like all others"] = 0
    if fit.broken:
        facts["rows with line breaks inside quotes"] = len(fit.broken)

    def read(texts: Sequence[str], label: str) -> Columns:
        places = [fit.header.index(name) for name in (*texts, label)]
        rows = records(text, fit.way)
        next(rows)  # the header
        chosen = [[row.fields[place] for place in places] for row in rows]
        *columns, labels = zip(*chosen, strict=True) if chosen else [()] * len(places)
        if options.quoting is None:
            _check_swallowed(fit, text, places[-1], set(labels), file)
        return Columns(columns, labels, facts)

    return Table(file, fit.header, read)


def _separators(text: str, told: str | None, usual: str) -> list[str]:
    """List the separators that a file may have: those in its header."""
    header = next((line for line in re.split(r"[\r\n]+", text) if line.strip()), "")
    return [told] if told else [mark for mark in SEPARATORS if mark in header] or [usual]


def _choose(text: str, separators: Sequence[str], quoting: Quoting | None, file: Path) -> Fit:
    """Try every way of reading a file, and return the one that fits."""
    fits: list[Fit] = []
    misfits: list[Misfit] = []
    for separator in separators:
        ways: tuple[Quoting, ...] = (
            (quoting,) if quoting else ("none", "standard") if separator == "\t" else ("standard",)
        )
        tried = [try_way(text, Way(separator, way)) for way in ways]
        fitting = [outcome for outcome in tried if isinstance(outcome, Fit)]
        misfits += [outcome for outcome in tried if isinstance(outcome, Misfit)]
        if len(fitting) > 1:
            fitting = [_agreed(text, *fitting, file=file)]
        fits += fitting
    if len(fits) == 1:
        return fits[0]
    if fits:
        ways_in_words = " and by ".join(SEPARATORS[fit.way.separator] for fit in fits)
        raise refusal(file, None, f"it can be read as separated by {ways_in_words}; write it with one separator")
    if not misfits:
        raise DataError(f"{file} is empty")
    # The way that fits most of the file explains best what is wrong with the rest.
    raise _misfit(max(misfits, key=lambda misfit: (misfit.num_columns, misfit.line)), text, file)


def _agreed(text: str, plain: Fit, quoted: Fit, *, file: Path) -> Fit:
    """Choose between quotes as characters and as quoting where a file fits both; the rows may be equal."""
    if '"' not in text:
        return plain
    if all(name.startswith('"') and name.endswith('"') for name in plain.header if name):
        return quoted
    for one, other in zip_longest(records(text, plain.way), records(text, quoted.way)):
        if one is None or other is None or one.fields != other.fields:
            line = one.first_line if one else None
            ways = f"as characters ({plain.num_rows:,} rows) and around fields ({quoted.num_rows:,} rows)"
            raise refusal(file, line, f"quotes can be read {ways}; say which: --quoting none or --quoting standard")
    return plain


def _misfit(misfit: Misfit, text: str, file: Path) -> DataError:
    """Describe what is wrong with the first record that does not fit, and what to do."""
    separator = SEPARATORS.get(misfit.way.separator, repr(misfit.way.separator))
    quoting = misfit.way.quoting
    if misfit.is_mixed:
        what = "it ends at a lone carriage return, as not all lines do; mend it: in a text, it must stand in quotes"
    elif misfit.num_fields is None:
        how = "--quoting backslash if they are escaped so" if '\\"' in text else "--quoting none if they are no marks"
        what = f"its quotes do not pair (inside quotes, a quote is doubled); mend it, or give {how}"
    else:
        fields = f"{misfit.num_fields} field{'' if misfit.num_fields == 1 else 's'}"
        what = f"{fields}, separated by {separator}, where the header has {misfit.num_columns}; "
        what += (
            "mend it, or leave --quoting out"
            if quoting == "none" and '"' in text
            else f"mend it: a field that holds {separator} or a line break must stand in quotes"
        )
    return refusal(file, misfit.line, what)


def _check_swallowed(fit: Fit, text: str, place: int, labels: set[str], file: Path) -> None:
    """Refuse a row in which a stray quote may have swallowed the rows below it, each with its own label."""
    if not fit.broken:
        return
    known = {label.strip() for label in labels} - {""}
    plain = Way(fit.way.separator, "none")
    lines = {record.first_line: record.fields for record in records(text, plain)}

    def is_row(fields: list[str]) -> bool:
        return len(fields) == len(fit.header) and fields[place].strip().strip('"').strip() in known

    def swallows(record: Record) -> bool:
        return all(is_row(lines.get(line, [])) for line in range(record.first_line, record.last_line + 1))

    if record := next(filter(swallows, fit.broken), None):
        why = (
            f"quotes join {record.last_line - record.first_line + 1} lines, each of which can be a row with a label; "
            "give --quoting none if quotes are characters like others, --quoting standard if they join lines"
        )
        raise refusal(file, record.first_line, why)
