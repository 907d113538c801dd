"""The rows of a forward pass: the one setting that strategies of a comparison may differ in, as it gives the same batch.

`--micro-batch-size` asks for it, and a strategy may say it itself (`accumulate`), so a record has what was planned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec
    from bench.records.record import RunRecord

__all__ = ["rows_asked", "rows_of_process", "rows_planned"]


def rows_of_process(spec: RunSpec | Settings) -> int:
    """Return the most rows of a batch that one process of a run has."""
    return math.ceil(spec.batch_size / (spec.num_processes or 1))


def rows_asked(spec: RunSpec) -> int:
    """Return the most rows of a forward pass that a run is asked for: all that a process has, where those are not to be cut."""
    return min(spec.micro_batch_size or spec.batch_size, rows_of_process(spec))


def rows_planned(record: RunRecord) -> int | None:
    """Return the most rows of a forward pass of a run; None where it came to no plan.

    Runs of older versions had what they were asked for.
    """
    return record.micro_batch_size or (rows_asked(record.spec) if record.measured else None)
