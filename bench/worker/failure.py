"""How a run that raised an error ends, as the message that says so."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import torch

from bench.errors import Diverged, Unsupported, UsageError
from bench.protocol import Failed
from bench.training.parallel.group import why_whole

if TYPE_CHECKING:
    from bench.measuring.peaks import Peaks

__all__ = ["failure"]


def failure(error: Exception, peaks: Peaks, *, ends_all: bool, lost_a_peer: bool = False) -> Failed:
    """Return the message that ends a run with `error`, with the peaks so far where memory may be the cause.

    Args:
        error: What the run raised.
        peaks: Of the run.
        ends_all: Whether an invalid request ends the whole comparison.
        lost_a_peer: Whether another rank did not answer, which may say why.

    """
    trace = "".join(traceback.format_exception(error))
    kind = type(error).__name__
    reason = f"{kind}: {error}".splitlines()[0] if str(error).strip() else f"{kind}, which says no more"
    match error:
        case _ if why := why_whole(error):
            return Failed(status="skipped", reason=why, traceback=trace)
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
