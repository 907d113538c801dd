"""The contract of a strategy, for the built-in ones and for those of third parties.

In the tests of your plugin:

    from bench.testing import check_strategy
    from my_plugin import MyStrategy

    def test_contract() -> None:
        check_strategy(MyStrategy())
"""

from __future__ import annotations

import dataclasses
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, cast

import torch

from bench.errors import PlanConflict
from bench.experiment import registry
from bench.experiment.spec import RunSpec, parse_strategy
from bench.plan.compose import compose
from bench.plan.train_plan import TrainPlan
from bench.plan.view import stand_in
from bench.training.prepare import prepare
from bench.training.schedule import schedule_of
from bench.training.trainer import train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, VOCABULARY, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.plan.train_plan import Strategy
    from bench.plan.view import ModelView

__all__ = ["check_strategy"]

_VIEW = stand_in(num_layers=4)


def check_strategy(strategy: Strategy) -> None:
    """Check that a strategy keeps its contract, which includes training a tiny Llama with it.

    Raises:
        AssertionError: what the strategy does wrong.
        Diverged: its loss is not finite.

    """
    _is_a_value(strategy)
    first, second = strategy.edit(_VIEW), strategy.edit(_VIEW)
    assert first == second, f"edit must be a pure function of the view: it gave {first}, then {second}"
    fields = {field.name for field in dataclasses.fields(TrainPlan)}
    assert set(first) <= fields, f"edit sets {set(first) - fields}, which the plan does not have"
    for other in _others():
        _commutes(strategy, other)
    _trains(strategy)


def _is_a_value(strategy: Strategy) -> None:
    cls: Any = type(strategy)
    assert hasattr(cls, "__dataclass_params__"), f"{cls.__name__} must be a dataclass"
    assert cls.__dataclass_params__.frozen, f"{cls.__name__} must be frozen: @dataclass(frozen=True, slots=True)"
    assert cls.__doc__, f"{cls.__name__} must say in its docstring what it does: `bench list strategies` shows it"
    required = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert not required, f"{cls.__name__} must have a default for {', '.join(required)}"
    assert hash(strategy) == hash(dataclasses.replace(cast("Any", strategy))), "its fields must be hashable"


def _others() -> Iterator[Strategy]:
    """Load every strategy there is, but those of other plugins that are broken."""
    for name in registry.names():
        try:
            other = registry.load(parse_strategy(name)[0])
            other.edit(_VIEW)
        except Exception:  # noqa: BLE001, S112  (it is not the one under test)
            continue
        yield other


def _commutes(strategy: Strategy, other: Strategy) -> None:
    outcomes: list[TrainPlan | None] = []
    for order in ([strategy, other], [other, strategy]):
        try:
            outcomes.append(compose(order, _VIEW))
        except PlanConflict:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1], f"{strategy} and {other} must compose alike in both orders"


def _plan_with(strategy: Strategy, view: ModelView) -> TrainPlan:
    """Compose a strategy alone, or with the first one or two that it needs beside it."""
    present = list(_others())
    for others in chain.from_iterable(combinations(present, num) for num in range(3)):
        try:
            return compose([strategy, *others], view)
        except PlanConflict as error:
            conflict = error
    raise AssertionError(f"{strategy} composes with nothing: {conflict}")


def _trains(strategy: Strategy) -> None:
    """Two steps change what the plan lets train in the first epoch, and nothing else."""
    model = tiny_llama(num_tokens=4 * VOCABULARY)  # most of which no row has
    view = view_of(model)
    plan = _plan_with(strategy, view)
    spec = RunSpec(strategy=parse_strategy("toy"), steps=2, batch_size=8, evaluations=1)
    split = toy_split(shortest=2)  # torch compiles once more for a length of 1
    prepared = prepare(
        model,
        view,
        plan,
        split=split,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=spec.weight_decay,
    )
    # What is stored in another type has been rounded by now, which is no training.
    before = {name: [param.detach().clone() for param in params] for name, params in prepared.params_by_layer.items()}
    train(prepared, split, schedule_of(spec, split), on_step=lambda *_: None, on_point=lambda *_: None)
    trained = view.params_of(plan.phases.at(0, 2, 0), plan.phases.at(1, 2, 0))
    for name, params in prepared.params_by_layer.items():
        changed = not all(map(torch.equal, before[name], params))
        may = any(prepared.params[one] is param for one in trained for param in params)
        assert changed == may, f"{name} {'changed' if changed else 'did not change'}, which the plan denies"
