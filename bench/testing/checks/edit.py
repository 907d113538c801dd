"""What a strategy sets, before anything is built."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan.compose import compose
from bench.plan.train_plan import field_rules
from bench.plan.view import ALL_KINDS
from bench.testing.models import NUM_EPOCHS, NUM_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.plan.phases import Phases
    from bench.plan.view import Trainable
    from bench.testing.subject import Subject

__all__ = [
    "edit_is_pure",
    "fields_exist",
    "layers_and_kinds_exist",
    "makes_a_plan",
    "phases_are_pure",
    "trains_as_told",
]


def edit_is_pure(subject: Subject) -> None:
    """`edit` is a function of the view, and of nothing else; it changes neither."""
    (strategy,) = subject.strategies
    view, before = copy.deepcopy(subject.view), copy.deepcopy(subject.view)
    made = repr(strategy)
    first, second = strategy.edit(view), strategy.edit(view)
    assert first == second, f"edit of {subject.name} must be pure: of one view it gave {first}, then {second}"
    assert view == before, f"edit of {subject.name} must leave the view as it is"
    assert repr(strategy) == made, f"edit of {subject.name} must leave the strategy as it is"
    other = strategy.edit(before)
    assert first == other, f"edit of {subject.name} must be pure: of equal views it gave {first} and {other}"


def fields_exist(subject: Subject) -> None:
    """An edit sets fields of the plan."""
    (strategy,) = subject.strategies
    known = field_rules().keys()
    unknown = sorted(strategy.edit(subject.view).keys() - known)
    assert not unknown, f"{subject.name} sets {', '.join(unknown)}; the plan has {', '.join(sorted(known))}"


def layers_and_kinds_exist(subject: Subject) -> None:
    """Phases name layers that the model has, and kinds of parameters that there are."""
    for part in _parts(_phases(subject)):
        layers, kinds = part.layers.difference(subject.view.names), part.kinds - ALL_KINDS
        assert not layers, (
            f"phases of {subject.name} name {', '.join(sorted(layers))}; the model has {', '.join(subject.view.names)}"
        )
        assert not kinds, (
            f"phases of {subject.name} name kinds {', '.join(sorted(kinds))}; there are {', '.join(sorted(ALL_KINDS))}"
        )


def makes_a_plan(subject: Subject) -> None:
    """Alone, or beside a strategy that it needs, it makes a plan that the model can follow."""
    try:
        compose(subject.with_partner, subject.view)
    except UsageError as error:
        raise AssertionError(f"{subject.name} makes no plan for the tiny {subject.model_name}: {error}") from error


def phases_are_pure(subject: Subject) -> None:
    """What trains in a step is a function of the step, however often and in whatever order it is asked for."""
    phases = _phases(subject)
    forward = dict(_at_every_step(phases))
    for step, part in reversed(forward.items()):
        again = phases.at(*step)
        assert part == again, f"phases of {subject.name} must be pure: at step {step[0]} they gave {part}, then {again}"


def trains_as_told(subject: Subject) -> None:
    """Nothing trains in a step that `ever` does not have: rates and optimizer are made for what it has."""
    phases, view = _phases(subject), subject.view
    ever = view.params_of(*phases.ever())
    for (step, _, _), part in _at_every_step(phases):
        beyond = sorted(view.params_of(part) - ever)
        assert not beyond, f"phases of {subject.name} train {beyond[0]} at step {step}, which their `ever` leaves out"


def _phases(subject: Subject) -> Phases:
    """Those of the strategy itself, unchecked; where it sets none, those that it is composed with."""
    for strategy in subject.strategies:
        if (phases := strategy.edit(subject.view).get("phases")) is not None:
            return phases
    return subject.plan.phases


def _parts(phases: Phases) -> Iterator[Trainable]:
    yield from phases.ever()
    yield from (part for _, part in _at_every_step(phases))


def _at_every_step(phases: Phases) -> Iterator[tuple[tuple[int, int, int], Trainable]]:
    for step in range(NUM_STEPS):
        of_step = (step, NUM_STEPS, step * NUM_EPOCHS // NUM_STEPS)
        yield of_step, phases.at(*of_step)
