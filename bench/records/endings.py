"""How a run ended whose process did not say so, and whether it was for want of memory."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records.record import RunRecord, Status

__all__ = ["KILLED_FOR_MEMORY", "how_it_ended", "ran_out_of_memory"]

KILLED_FOR_MEMORY = "the kernel killed for want of memory during the run"
"""In the reason of a run that ended so."""


def ran_out_of_memory(record: RunRecord) -> bool:
    """Whether memory was exhausted: an allocation failed, or the kernel ended the process for want of it."""
    return record.status == "oom" or (record.status == "killed" and KILLED_FOR_MEMORY in (record.reason or ""))


def how_it_ended(
    exit_code: int | None, *, oom_kills: int | None, server_signal: int | None = None
) -> tuple[Status, str]:
    """Return the status and reason of a process that ended without a last message.

    Args:
        exit_code: As in `multiprocessing`; None for a process that not even SIGKILL ended.
        oom_kills: The kernel's kills for lack of memory during the run; None where it does not count them.
        server_signal: What ended the fork server, and with it what there was to learn of the process; None where nothing did.

    """
    whose = "its process"
    if server_signal is not None:
        whose, exit_code = "the fork server that started its process", -server_signal
    if exit_code is None:
        return "killed", "its process hangs in the kernel and cannot be killed"
    if exit_code >= 0:
        return "failed", f"its process ended with exit code {exit_code} and without a last message"
    name = next((known.name for known in signal.Signals if known == -exit_code), f"signal {-exit_code}")
    if name != "SIGKILL":
        return "killed", f"{whose} was ended by {name}"
    if oom_kills is None:
        return "killed", f"{whose} was ended by SIGKILL, perhaps by the kernel for want of memory"
    if not oom_kills:
        return "killed", f"{whose} was ended by SIGKILL; the kernel counts no kill for want of memory"
    advice = "try a smaller batch or model"
    return "killed", f"{whose} was ended by SIGKILL: {KILLED_FOR_MEMORY}; {advice}"
