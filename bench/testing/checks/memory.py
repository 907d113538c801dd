"""The memory parts of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.testing.subject import Subject

__all__ = ["memory_parts_add_up"]


def memory_parts_add_up(subject: Subject) -> None:
    """The parts of a peak are what tensors really take, and together they are the peak."""
    run = subject.run()
    for part in ("weights", "gradients", "optimizer"):
        counted, reported = getattr(run.counted, part), getattr(run.reported, part)
        what = {"optimizer": "state of the optimizer"}.get(part, part)
        assert counted == reported, (
            f"{subject.name} keeps {counted:,} bytes of {what}, of which the report would have {reported:,}"
        )
    assert run.reported.rest == run.counted.rest, f"the memory parts of {subject.name} do not sum to the peak"
    if run.plan.optimizer is None:
        assert run.reported.optimizer > 0, f"{subject.name} trains by AdamW, which would have no state in the report"
