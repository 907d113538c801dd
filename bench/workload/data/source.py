"""Finds the source of a workload's data: raw texts and labels, and a fingerprint that changes with them."""

from __future__ import annotations

import json
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING

from bench.workload.assets.wheels import ASSETS, fetch
from bench.workload.data.check import check_dataset
from bench.workload.data.columns import choose_columns, choose_splits
from bench.workload.data.files.opening import open_split, read_split
from bench.workload.data.files.splits import local_files
from bench.workload.data.files.table import in_words
from bench.workload.data.preset_readers import READERS
from bench.workload.presets import DATASETS
from bench.workload.rows import Raw, Rows, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec

    Report = Callable[[int, int], None]

__all__ = ["source_of"]

HASHED_BYTES = 50 << 20
"""A local file up to this size is identified by its content, a larger one by path, size and mtime."""


def source_of(spec: WorkloadSpec, report: Report | None = None) -> Raw:
    """Return the data set of a workload, to be read later; a preset is fetched on first use.

    Raises:
        DataError, UnknownName: it cannot be read, or lacks a split or column.
        AssetError: a preset cannot be fetched.

    """
    if spec.dataset not in DATASETS and (files := local_files(spec.dataset, spec.subset)):
        return _of_files(spec, files)
    check_dataset(spec)
    if spec.dataset in DATASETS:
        return _of_preset(spec, report)
    from bench.workload.data.hub_and_files import read_hub  # noqa: PLC0415  (`datasets`: seconds)

    rows = read_hub(spec)
    content = [[split.texts, split.labels] for split in rows if split]
    return Raw(_digest(content), lambda: rows)


def _of_preset(spec: WorkloadSpec, report: Report | None) -> Raw:
    preset = DATASETS[spec.dataset]
    folder = fetch(preset.asset, report)
    train, evaluation = choose_splits(spec, preset.splits)
    texts, label = choose_columns(
        spec, preset.columns, spec.dataset, text_names=(preset.text_column,), label_names=(preset.label_column,)
    )

    def read_one(table: Mapping[str, list[str]]) -> Rows:
        return Rows(joined([table[name] for name in texts]), table[label])

    def read() -> tuple[Rows, Rows | None]:
        tables = READERS[spec.dataset](folder)
        return read_one(tables[train]), read_one(tables[evaluation]) if evaluation else None

    return Raw(_digest([spec.dataset, ASSETS[preset.asset].sha256]), read)


def _of_files(spec: WorkloadSpec, files: Mapping[str, Sequence[Path]]) -> Raw:
    train, evaluation = choose_splits(spec, files)

    def read_one(split: str) -> Rows:
        texts, labels, facts = read_split(*open_split(spec, files[split]))
        return Rows(texts, labels, in_words(facts))

    def read() -> tuple[Rows, Rows | None]:
        return read_one(train), read_one(evaluation) if evaluation else None

    used = [[_identity(file) for file in files[split]] for split in (train, evaluation) if split]
    return Raw(_digest([used, spec.encoding, spec.quoting]), read)


def _identity(file: Path) -> list[object]:
    """Return what identifies a file: its content, since it may change under the same path, size and mtime."""
    status = file.stat()
    content = None
    if status.st_size <= HASHED_BYTES:
        with file.open("rb") as opened:
            content = file_digest(opened, "sha256").hexdigest()
    return [str(file.resolve()), status.st_size, status.st_mtime_ns, content]


def _digest(value: object) -> str:
    return sha256(json.dumps(value, default=str).encode()).hexdigest()
