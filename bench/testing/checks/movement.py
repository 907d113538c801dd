"""What moves in training, for every parameter, to the bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import listed

if TYPE_CHECKING:
    import torch

    from bench.testing.subject import Subject

__all__ = [
    "nothing_else_moved",
    "preparing_keeps_weights",
    "trains_with_finite_loss",
    "what_should_move_moved",
]


def preparing_keeps_weights(subject: Subject) -> None:
    """Applying the plan leaves weights as they were loaded; a transform that rewrites them says so (`rewrites_weights`)."""
    run = subject.run()
    changed = [name for name, value in run.loaded.items() if not _is_kept(value, run.built[name])]
    rewritten = {id(param) for param in run.prepared.rewritten}
    lost = [name for name in changed if id(run.prepared.params[name]) not in rewritten]
    says_so = any(getattr(transform, "rewrites_weights", False) for transform in run.plan.transforms)
    assert says_so or not changed, (
        f"{subject.name} changes {listed(changed, most=3)} before the first step: a transform that does so says it "
        "(rewrites_weights = True), since what it adds means nothing beside the weights of the checkpoint"
    )
    assert not lost, (
        f"{subject.name} changes so little of {listed(lost, most=3)} before the first step that saving would miss it"
    )


def trains_with_finite_loss(subject: Subject) -> None:
    """It trains, and its loss is a number in every step."""
    run = subject.run(to_blame=True)
    wrong = [step for step, loss in enumerate(run.losses) if not math.isfinite(loss)]
    assert not wrong, f"the loss of {subject.name} is not finite at step {wrong[0]}"


def what_should_move_moved(subject: Subject) -> None:
    """Every parameter that the plan lets train in these steps changes, and every one that a transform brought to train."""
    run = subject.run()
    may = frozenset[str]().union(*map(run.may_move, range(len(run.moved))))
    still = sorted((may | run.introduced) - frozenset[str]().union(*run.moved))
    assert not still, f"{subject.name} must change {listed(still, most=3)}, which the plan lets train; no step did"


def nothing_else_moved(subject: Subject) -> None:
    """No parameter changes in a step in which the plan does not let it train."""
    run = subject.run()
    for step, moved in enumerate(run.moved):
        denied = sorted(moved.intersection(run.loaded) - run.may_move(step))
        assert not denied, f"{subject.name} changed {listed(denied, most=3)} at step {step}, which the plan denies"


def _is_kept(loaded: torch.Tensor, built: torch.Tensor) -> bool:
    """Whether a weight is as it was, in the type that it is stored in; one that is stored in few bits cannot be told."""
    return not built.is_floating_point() or built.equal(loaded.to(built.dtype))
