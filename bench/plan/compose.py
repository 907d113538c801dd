"""Several strategies, one plan: what they set is merged, and checked against the model."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bench.errors import PlanConflict, UsageError
from bench.plan.checks import CHECKS
from bench.plan.train_plan import TrainPlan, baseline_phases, field_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.plan.train_plan import Strategy
    from bench.plan.view import ModelView

__all__ = ["compose"]


def compose(strategies: Iterable[Strategy], view: ModelView) -> TrainPlan:
    """Merge the edits of `strategies` into one plan; the order does not matter.

    Raises:
        PlanConflict: two strategies set one field to different values, or two different
            transforms stand at one stage. The message names both strategies.
        UsageError: a strategy sets a field that the plan does not have, or names a layer
            that the model does not have; a transform stands at no known stage.

    """
    merged: dict[str, Any] = {"phases": baseline_phases(view)}
    writers: dict[str, str] = {}
    known = field_rules()
    added: dict[str, list[tuple[str, Any]]] = {name: [] for name, rules in known.items() if rules.merge}
    for author, name, value in _edits(strategies, view):
        if name not in known:
            msg = f"strategy {author} sets {name!r}, which is no field of the plan ({', '.join(sorted(known))})"
            raise UsageError(msg)
        if name in added:
            added[name].extend((author, item) for item in value)
            writers[name] = min(author, writers.get(name, author))  # whatever the order of strategies
        elif name in writers and merged[name] != value:
            raise PlanConflict(f"{writers[name]} and {author} do not compose: both set {name}, to different values")
        else:
            merged[name], writers[name] = value, author
    for name, values in added.items():
        if merge := known[name].merge:
            merged[name] = merge(values)
    writers |= {f"lr_scale of {key}": author for author, (key, _) in added["lr_scale"]}
    plan = TrainPlan(**merged)
    for check in CHECKS.values():
        check(plan, view, writers)
    return plan


def _edits(strategies: Iterable[Strategy], view: ModelView) -> Iterator[tuple[str, str, Any]]:
    """Every field that a strategy sets: author, name and value."""
    for strategy in strategies:
        author = _describe(strategy)
        yield from ((author, name, value) for name, value in strategy.edit(view).items())


def _describe(strategy: Strategy) -> str:
    """Name a strategy as the command line does: its class as a file is named, with the options that are not their defaults."""
    if type(strategy).__str__ is not object.__str__:
        return str(strategy)
    options = {f.name: getattr(strategy, f.name) for f in fields(strategy) if getattr(strategy, f.name) != f.default}  # type: ignore[arg-type]
    name = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", type(strategy).__name__).lower()
    return ":".join((name, *(f"{key}={value}" for key, value in options.items())))
