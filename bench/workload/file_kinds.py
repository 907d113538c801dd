"""The kinds of data files, told by their names alone."""

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
"""How a data file is read, by the end of its name."""

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""What the name of a compressed data file ends in."""


def kind_of(file: PurePath) -> str | None:
    """Tell a data file by its name, compressed or not: the end that says its kind (".csv"); None of any other file."""
    name = PurePath(file.stem) if file.suffix.lower() in COMPRESSIONS else file
    suffix = name.suffix.lower()
    if suffix in KINDS:
        return suffix
    return ".zip" if file.suffix.lower() == ".zip" else None


def stem_of(file: PurePath) -> str:
    """Give the name of a data file without what says its kind and compression."""
    return PurePath(file.stem).stem if kind_of(PurePath(file.stem)) else file.stem
