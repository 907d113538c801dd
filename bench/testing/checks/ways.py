"""The other ways in which any strategy may be asked to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.words.numbers import listed
from bench.errors import Unsupported
from bench.testing.run import Way

if TYPE_CHECKING:
    from bench.testing.run import Run
    from bench.testing.subject import Subject

__all__ = ["accumulates", "trains_on_one_row", "trains_with_amp", "trains_with_checkpoint"]

AMP, CHECKPOINT, ONE_ROW = Way(also="amp:dtype=bf16"), Way(also="checkpoint", dropout=False), Way(batch_size=1)
WHOLE, IN_PARTS = Way(dropout=False), Way(also="accumulate:rows=3", dropout=False)
SAME_STEPS = 2
"""Steps whose losses are compared, the second one after gradients were used: in later ones AdamW makes much of rounding."""
TOLERANCES = {True: 1e-5, False: 2e-2}
"""Relative, of losses: where all is in fp32, and where something is not."""
AFTER_A_STEP = 5
"""How many times as far they may be apart once AdamW has taken a step, which makes of rounding what the processor's products decide."""


def trains_with_amp(subject: Subject) -> None:
    """Mixed precision trains the same parameters."""
    _moves_the_same(subject, AMP)


def trains_with_checkpoint(subject: Subject) -> None:
    """To recompute activations changes no loss."""
    _moves_the_same(subject, CHECKPOINT)
    _has_the_same_losses(subject, CHECKPOINT)


def accumulates(subject: Subject) -> None:
    """A batch in parts gives the losses of the batch as a whole: a loss is a mean over rows, each for itself."""
    _moves_the_same(subject, IN_PARTS)
    _has_the_same_losses(subject, IN_PARTS)


def trains_on_one_row(subject: Subject) -> None:
    """A batch may be a single row, as the last one of an epoch often is."""
    _moves_the_same(subject, ONE_ROW)


def _moves_the_same(subject: Subject, way: Way) -> None:
    run, plain = subject.run(way), subject.run()
    if run.num_skipped_steps or plain.num_skipped_steps:
        raise Unsupported("loss scaling skipped a step, in which nothing moves")
    for step, (one, other) in enumerate(zip(run.moved, plain.moved, strict=True)):
        for names, how in ((one - other, "changes"), (other - one, "does not change")):
            assert not names, (
                f"{subject.name}{way} {how} {listed(sorted(names), most=3)} at step {step}, unlike without"
            )


def _has_the_same_losses(subject: Subject, way: Way) -> None:
    plain, run = _without_dropout(subject), subject.run(way)
    tolerance = TOLERANCES[plain.plan.precision == "fp32" and plain.plan.weights == "fp32"]
    for step, (one, other) in enumerate(zip(plain.losses, run.losses, strict=True)):
        if step < SAME_STEPS:
            assert abs(one - other) <= tolerance * (AFTER_A_STEP if step else 1) * abs(one), (
                f"{subject.name} has a loss of {one:.7g} at step {step}, and{way} of {other:.7g}"
            )


def _without_dropout(subject: Subject) -> Run:
    plain = subject.run()
    return subject.run(WHOLE) if plain.has_dropout else plain
