from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.errors import Diverged, Unsupported, UsageError
from bench.measuring.peaks import Peaks
from bench.training.parallel.group import joined
from bench.worker.failure import failure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Unsupported("no bf16 here"), "skipped", "no bf16 here"),
        (Diverged("the loss is nan at step 3"), "diverged", "the loss is nan at step 3"),
        (UsageError("unknown strategy"), "failed", "unknown strategy"),
        (MemoryError(), "oom", "MemoryError, which says no more"),
        (torch.OutOfMemoryError("2 GiB\nmore"), "oom", "OutOfMemoryError: 2 GiB"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "oom", None),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "oom", None),
        (RuntimeError("sizes do not match\nby far"), "failed", "RuntimeError: sizes do not match"),
    ],
)
def test_an_error_ends_a_run_in_one_line(error: Exception, status: str, reason: str | None) -> None:
    failed = failure(error, Peaks(torch.device("cpu")), ends_all=False)
    assert failed.status == status
    assert not failed.usage
    assert reason is None or failed.reason == reason
    assert (failed.traceback is not None) == (status == "oom" or reason == "RuntimeError: sizes do not match")
    assert (failed.memory is not None) == (status in {"oom", "diverged"} or failed.traceback is not None)


def test_an_invalid_request_ends_all_runs_before_the_first() -> None:
    peaks = Peaks(torch.device("cpu"))
    assert failure(UsageError("unknown strategy"), peaks, ends_all=True).usage
    assert not failure(RuntimeError("a fault"), peaks, ends_all=True).usage


def test_a_lost_peer_is_no_cause_of_its_own() -> None:
    error = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer")
    assert failure(error, Peaks(torch.device("cpu")), ends_all=False, lost_a_peer=True).lost_a_peer
    assert not failure(error, Peaks(torch.device("cpu")), ends_all=False).lost_a_peer


def test_what_does_not_compute_with_parts_of_parameters_is_skipped_where_there_are_parts(tmp_path: Path) -> None:
    error = RuntimeError("aten.mm got mixed torch.Tensor and DTensor; its placement is not known")
    assert failure(error, Peaks(torch.device("cpu")), ends_all=False).status == "failed"
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=torch.device("cpu")):
        skipped = failure(error, Peaks(torch.device("cpu")), ends_all=False)
    assert (skipped.status, "does not compute with parts of parameters" in skipped.reason) == ("skipped", True)
