"""The rows of a run as files beside what is exported: the texts that were trained and evaluated on, in their order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.workload.data.selection import Texts

__all__ = ["columns_of", "write_rows"]


def columns_of(workload: WorkloadSpec, rows: Texts) -> tuple[list[str], str]:
    """Name the columns of texts, one or two, and of labels: as the user did, else plainly."""
    is_pair = isinstance(rows.texts[0], tuple)
    asked = workload.text_column
    texts = (asked or "text,text_pair").split(",") if is_pair else [asked or "text"]
    return [name.strip() for name in texts], workload.label_column or "label"


def write_rows(workload: WorkloadSpec, rows: Texts, names: Sequence[str], file: Path) -> None:
    """Write a line of JSON for each row, with the name of its class.

    Raises:
        OSError: the file cannot be written.

    """
    columns, label = columns_of(workload, rows)
    texts = [text if isinstance(text, tuple) else (text,) for text in rows.texts]
    written = (
        dict(zip(columns, of_row, strict=True)) | {label: names[number]}
        for of_row, number in zip(texts, rows.labels, strict=True)
    )
    replace_file(file, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in written).encode())
