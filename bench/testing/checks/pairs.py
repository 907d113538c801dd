"""Strategies beside each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.plan.compose import compose
from bench.testing.names import class_name, name_of
from bench.testing.subject import made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan.train_plan import Strategy, TrainPlan
    from bench.plan.view import ModelView
    from bench.testing.subject import Subject

__all__ = ["check_pair", "composes_in_any_order"]


def composes_in_any_order(subject: Subject) -> None:
    """With every other strategy there is, it gives one plan in both orders, or a refusal in words."""
    (strategy,) = subject.strategies
    for other in made(*registry.names()):
        check_pair(strategy, other, subject.view)


def check_pair(one: Strategy, other: Strategy, view: ModelView) -> TrainPlan | None:
    """Return the plan of two strategies, which is the same in both orders; None where they are refused, in words."""
    try:
        alone = [strategy for strategy in (one, other) if isinstance(_composed((strategy,), view), str)]
    except Unsupported:  # on this model, whatever stands beside it
        return None
    plan, back = _composed((one, other), view), _composed((other, one), view)
    first, second = map(name_of, (one, other))
    if isinstance(plan, str) and isinstance(back, str):
        for told in (plan, back):
            assert _names(told, alone) or (_names(told, [one]) and _names(told, [other])), (
                f"{first} and {second} are refused in words that do not name them: {told}"
            )
        return None
    assert plan == back, f"{first} and {second} must compose alike in both orders; they gave {plan} and {back}"
    assert not isinstance(plan, str), "neither is a refusal"
    return plan


def _names(told: str, strategies: Sequence[Strategy]) -> bool:
    """Whether a sentence names one of these."""
    return any(re.search(rf"\b{re.escape(class_name(strategy))}\b", told) for strategy in strategies)


def _composed(strategies: tuple[Strategy, ...], view: ModelView) -> TrainPlan | str:
    """The plan, or why there is none."""
    try:
        return compose(strategies, view)
    except UsageError as error:
        return str(error)
