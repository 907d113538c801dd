"""Refuses a data set, split or column that does not exist before any work; nothing here touches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import DataError, UnknownName
from bench.workload.data.columns import choose_columns, choose_splits
from bench.workload.data.files.splits import local_files
from bench.workload.file_kinds import KINDS
from bench.workload.presets import DATASETS, is_hub_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.experiment.spec import WorkloadSpec

__all__ = ["check_dataset"]


def check_dataset(spec: WorkloadSpec) -> None:
    """Refuse a data set, split or column that does not exist, as far as is known without reading the data.

    Raises:
        UnknownName: with the nearest known name.
        DataError: no text or label column is recognised, or a local file cannot be read.

    """
    if preset := DATASETS.get(spec.dataset):
        _check_unused(spec, ("subset",), "folders and the Hub")
        _check_unused(spec, ("encoding", "quoting"), "local files")
        choose_splits(spec, preset.splits)
        choose_columns(
            spec, preset.columns, spec.dataset, text_names=(preset.text_column,), label_names=(preset.label_column,)
        )
    elif files := local_files(spec.dataset, spec.subset):
        from bench.workload.data.files.opening import open_split  # noqa: PLC0415  (a wrong name answers without pyarrow)

        for split in choose_splits(spec, files):
            if split:
                open_split(spec, files[split])
    elif not is_hub_id(spec.dataset):
        hint = f"Or give a local {', '.join(KINDS)} file, a directory of splits, or a Hub id owner/name."
        raise UnknownName("data set", spec.dataset, DATASETS, hint=hint)
    else:
        _check_unused(spec, ("encoding", "quoting"), "local files")


def _check_unused(spec: WorkloadSpec, names: Iterable[str], purpose: str) -> None:
    """Refuse options that apply to another kind of data set."""
    if given := [name for name in names if getattr(spec, name) is not None]:
        raise DataError(f"--{given[0]} is for {purpose}, which {spec.dataset} is none of; leave it out")
