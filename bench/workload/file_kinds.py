"""The kinds of data files, by their names alone."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPRESSIONS", "KINDS", "kind_of", "stem_of"]

KINDS: Mapping[str, str] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""Which reader a data file needs, by its suffix."""

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Suffixes of compressed data files."""


def kind_of(file: PurePath) -> str | None:
    """Return the suffix that gives a data file's kind (".csv"), compressed or not; None for any other file."""
    name = PurePath(file.stem) if file.suffix.lower() in COMPRESSIONS else file
    suffix = name.suffix.lower()
    if suffix in KINDS:
        return suffix
    return ".zip" if file.suffix.lower() == ".zip" else None


def stem_of(file: PurePath) -> str:
    """Return the name of a data file without the suffixes of its kind and compression."""
    return PurePath(file.stem).stem if kind_of(PurePath(file.stem)) else file.stem
