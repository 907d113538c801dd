"""Whether a run ended for want of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records.record import RunRecord

__all__ = ["KILLED_FOR_MEMORY", "ran_out_of_memory"]

KILLED_FOR_MEMORY = "the kernel killed for want of memory during the run"
"""In the reason of a run that ended so."""


def ran_out_of_memory(record: RunRecord) -> bool:
    """Whether memory was exhausted: an allocation failed, or the kernel ended the process for want of it."""
    return record.status == "oom" or (record.status == "killed" and KILLED_FOR_MEMORY in (record.reason or ""))
