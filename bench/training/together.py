"""What the ranks of a run have measured, put together: the times of the slowest, the tokens of all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.training.parallel.base import Parallel
    from bench.training.trained import Trained

__all__ = ["together"]


def together(trained: Trained, parallel: Parallel) -> Trained:
    """Put together what every rank has measured of the same steps; all must ask for it. Samples and losses are of all already."""
    if parallel.num_ranks == 1:
        return trained
    num, names = len(trained.step_seconds), list(dict.fromkeys(name for step in trained.step_parts for name in step))
    of_ranks = parallel.gather(
        (
            *(trained.seconds, trained.set_up_seconds, trained.num_padded_tokens),
            *(*trained.step_seconds, *trained.step_tokens),
            *(step.get(name, 0.0) for step in trained.step_parts for name in names),
        )
    )
    slowest = max(of_ranks, key=lambda told: told[0])
    parts = slowest[3 + 2 * num :]
    return replace(
        trained,
        seconds=slowest[0],
        set_up_seconds=slowest[1],
        step_seconds=tuple(slowest[3 : 3 + num]),
        step_parts=tuple(dict(zip(names, parts[at * len(names) :], strict=False)) for at in range(num)),
        step_tokens=tuple(int(sum(told[3 + num + at] for told in of_ranks)) for at in range(num)),
        num_padded_tokens=int(sum(told[2] for told in of_ranks)),
    )
