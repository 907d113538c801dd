"""Exports what a directory has of a strategy, and the rows beside it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.exporting.llamafactory import dataset_info, llamafactory_yaml
from bench.exporting.measured import find_runs, make_again
from bench.exporting.rows import write_rows
from bench.exporting.trainer import trainer_script
from bench.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.exporting.forms import Form
    from bench.exporting.measured import Measured

__all__ = ["export"]

WRITERS: Mapping[Form, Callable[[Measured, str], str]] = {"trainer": trainer_script, "llamafactory": llamafactory_yaml}
"""By form: writes the file that reads rows beside it, whose names begin as given."""


def export(directory: Path, strategy: str, form: Form, out: Path | None = None) -> str:
    """Return the text of the file; with `out`, write it, and beside it the rows that were measured.

    Raises:
        UsageError: nothing of the strategy was measured, the form cannot express it, or no file can be written there.

    """
    measured = make_again(find_runs(directory, strategy))
    spec = measured.record.spec
    stem = out.stem if out else re.sub(r"[^A-Za-z0-9]+", "-", spec.name).strip("-")
    text = WRITERS[form](measured, stem)
    if out is not None:
        try:
            replace_file(out, text.encode())
            chosen = measured.chosen
            for split, rows in (("train", chosen.train), ("eval", chosen.evaluation)):
                write_rows(spec.workload, rows, chosen.label_names, out.with_name(f"{stem}-{split}.jsonl"))
            if form == "llamafactory":
                _describe(dataset_info(measured, stem), out.with_name("dataset_info.json"))
        except OSError as error:
            raise UsageError(
                f"--out {out}: {error.strerror}; name a file in a directory that can be written"
            ) from error
    return text


def _describe(entries: Mapping[str, object], file: Path) -> None:
    """Add entries to LLaMA-Factory's list of data sets, which may know others already."""
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as error:
        raise UsageError(
            f"{file} is no JSON, so that nothing can be added to it; give --out another directory"
        ) from error
    replace_file(file, json.dumps({**known, **entries}, ensure_ascii=False, indent=2).encode())
