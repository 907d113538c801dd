"""How a run that raised an error ends, as the message that says so."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import torch

from bench.errors import Diverged, Unsupported, UsageError, first_line
from bench.protocol import Failed

if TYPE_CHECKING:
    from bench.measuring.peaks import Peaks

__all__ = ["failure"]


def failure(
    error: Exception, peaks: Peaks, *, ends_all: bool, lost_a_peer: bool = False, wants_whole: bool = False
) -> Failed:
    """Return the message that ends a run with `error`, with the peaks so far where memory may be the cause.

    Args:
        error: What the run raised.
        peaks: Of the run.
        ends_all: Whether an invalid request ends the whole comparison.
        lost_a_peer: Whether another rank did not answer, which may say why.
        wants_whole: Whether it comes of parameters of which this process has a part.

    """
    trace = "".join(traceback.format_exception(error))
    kind = type(error).__name__
    reason = f"{kind}: {error}".splitlines()[0] if str(error).strip() else f"{kind}, which says no more"
    match error:
        case _ if wants_whole:
            told = "something in this strategy does not compute with parts of parameters, which is all that shard leaves a device"
            return Failed(status="skipped", reason=f"{told}: {first_line(error)}", traceback=trace)
        case Unsupported():
            return Failed(status="skipped", reason=str(error))
        case Diverged():
            return Failed(status="diverged", reason=str(error), memory=peaks.end())
        case UsageError():
            return Failed(status="failed", reason=str(error), usage=ends_all)
        case _:
            return Failed(
                status="oom" if _is_out_of_memory(error) else "failed",
                reason=reason,
                traceback=trace,
                memory=peaks.end(),
                lost_a_peer=lost_a_peer,
            )


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory was exhausted: of torch's allocator on a GPU, of CUDA and its libraries beside it, or of the host."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(sentence in str(error) for sentence in _OUT_OF_MEMORY)
    )


_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
