"""What the record of a run says of how it was measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.records.flags import FLAGS, is_suspect
from bench.records.record import Flag, RunRecord
from bench.worker.measurement import StartingPoint, flags_of

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_record_says_how_it_was_measured(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    record, _ = run()

    measured = record.measured
    assert measured is not None
    assert RunRecord.from_json(record.to_json()) == record
    assert measured.work is not None
    assert measured.work.mfu is not None
    assert measured.host is not None
    assert measured.probe_seconds is not None
    assert (measured.phase_steps, measured.skipped_steps, measured.device) == ((), (), None)
    assert all(flag.code in FLAGS for flag in record.flags)
    assert not any(is_suspect(flag.code) for flag in record.flags if flag.code not in ("swap", "cpu-steal"))
    assert "few-steps" in [flag.code for flag in record.flags]
    assert record.environment is not None
    assert record.environment.config_hash is not None


@pytest.mark.parametrize(
    ("asked", "weights", "ran", "codes"),
    [
        (torch.float32, "fp32", torch.float32, []),
        (torch.float16, "fp32", torch.float32, ["amp-without-effect", "fp16-on-cpu"]),
        (torch.bfloat16, "fp32", torch.bfloat16, ["bf16-emulated"]),
        (torch.float32, "bf16", torch.bfloat16, ["bf16-emulated"]),
        (torch.float32, "bf16", torch.float32, ["amp-without-effect", "bf16-emulated"]),
    ],
)
def test_doubts_that_only_the_run_itself_knows_of(
    monkeypatch: pytest.MonkeyPatch, asked: torch.dtype, weights: str, ran: torch.dtype, codes: list[str]
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    failed = Flag(code="probe-failed", message="y")
    prepared = SimpleNamespace(
        precision=SimpleNamespace(dtype=asked),
        plan=SimpleNamespace(weights=weights),
        why_padded="x",
        device=torch.device("cpu"),
    )
    seen: Any = SimpleNamespace(
        start=StartingPoint(head="fresh", flags=()),
        prepared=prepared,
        compute_dtype=ran,
        efficiency=SimpleNamespace(flags=(failed,)),
        merging=SimpleNamespace(flags=()),
        replicas_differ=False,
    )

    assert [flag.code for flag in flags_of(seen)] == ["not-packed", "probe-failed", *codes]
    seen.replicas_differ = True
    assert "replicas-differ" in [flag.code for flag in flags_of(seen)]
