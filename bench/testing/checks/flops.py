"""The FLOPs of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.testing.models import NUM_EPOCHS, NUM_STEPS
from bench.testing.products import Counted
from bench.testing.run import SPLIT, Way
from bench.worker.efficiency import flops_of_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.testing.subject import Subject

__all__ = ["products_are_counted"]


def products_are_counted(subject: Subject) -> None:
    """The matrix products of a step are as many as the report would say, by torch's own counter of what really runs."""
    run = subject.run()
    prepared, rows = run.prepared, _rows_of_one_length()
    # Whose padding the report leaves out, in the one layer that may run for the picked tokens alone.
    schedule = replace(run.way.schedule, epochs=[[rows] * (NUM_STEPS // NUM_EPOCHS)] * NUM_EPOCHS)
    reported, _ = flops_of_steps(prepared, SPLIT, schedule)
    turns = schedule.turns(run.plan.phases)
    for step in {0, max(turns)}:
        prepared.let_train(turns[step])
        counted = Counted(prepared, SPLIT, rows)
        assert not counted.uncounted, (
            f"{subject.name} runs {', '.join(counted.uncounted)}, which the report counts as nothing and does not name"
        )
        recomputed = counted.forward if run.plan.checkpoint else 0
        assert 0 <= counted.whole - reported[step] <= recomputed, (
            f"{subject.name} takes {counted.whole:,} FLOPs in step {step}, and the report would say {reported[step]:,}"
        )


def _rows_of_one_length() -> NDArray[np.int64]:
    """The rows of the commonest length among those that are trained on."""
    rows = Way().schedule.rows
    lengths = SPLIT.lengths[rows]
    commonest: NDArray[np.int64] = rows[lengths == np.bincount(lengths).argmax()]
    return commonest
