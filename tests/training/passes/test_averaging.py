from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from bench.errors import Unsupported
from bench.plan import Averaging, TrainPlan, throughout
from bench.training.evaluation import predict
from bench.training.passes.averaging import AveragedWeights
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

    from bench.plan import ModelView
    from bench.training.prepared import Prepared

SPLIT = toy_split(40)


def on_cpu(model: PreTrainedModel, view: ModelView, plan: TrainPlan) -> Prepared:
    return prepare(
        model,
        view,
        plan,
        split=SPLIT,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=0.0,
    )


def averages(rule: Averaging, values: list[float]) -> Iterator[float]:
    """What is in place after every step, where the weight takes these values."""
    param = nn.Parameter(torch.zeros(2))
    averaged = AveragedWeights(rule, [param])
    for number, value in enumerate(values, 1):
        param.data.fill_(value)
        averaged.update(number, len(values))
        with averaged.in_place():
            yield float(param.data[0])
        assert float(param.data[0]) == value


def test_an_exponential_average_is_pulled_by_every_step() -> None:
    assert list(averages(Averaging("exponential", decay=0.75), [1.0, 5.0, 9.0])) == [1.0, 2.0, 3.75]


def test_an_equal_average_counts_every_step_alike() -> None:
    assert list(averages(Averaging("equal"), [1.0, 5.0, 9.0])) == [1.0, 3.0, 5.0]


def test_weights_are_their_own_average_before_it_begins() -> None:
    assert list(averages(Averaging("equal", start=0.5), [1.0, 5.0, 9.0, 11.0])) == [1.0, 5.0, 9.0, 10.0]


def test_what_is_evaluated_is_the_average_and_training_goes_on_from_the_weights() -> None:
    found = {}
    for rule in (None, Averaging("exponential", decay=0.5)):
        model = tiny_llama()
        view = view_of(model)
        plan = TrainPlan(phases=throughout(view.names), lr=1e-2, averaging=rule)
        ready = on_cpu(model, view, plan)
        points: list[float] = []

        def look(_step: int, _seconds: float, ready=ready, points=points) -> None:  # type: ignore[no-untyped-def]
            points.append(float(predict(ready, SPLIT).losses.mean()))

        schedule = Schedule(epochs=[[np.arange(8)] * 6], evaluate_after=frozenset({2, 4}))
        losses = train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=look).losses
        found[rule] = losses, points, model.get_parameter("score.weight").detach().clone()
    (plain, points, weight), (averaged, other_points, other_weight) = found.values()
    assert plain == averaged
    assert weight.equal(other_weight)
    assert points != pytest.approx(other_points, rel=1e-6)


def test_who_asks_for_the_average_where_it_is_in_place_gets_no_other() -> None:
    param = nn.Parameter(torch.zeros(1))
    averaged = AveragedWeights(Averaging("equal"), [param])
    averaged.update(1, 1)
    param.data.fill_(1)
    with averaged.in_place():
        with averaged.in_place():
            assert param.data.item() == 0
        assert param.data.item() == 0
    assert param.data.item() == 1


def test_an_average_is_kept_in_more_digits_than_weights_in_bf16() -> None:
    param = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    averaged = AveragedWeights(Averaging("exponential", decay=0.999), [param])
    averaged.update(1, 1)
    param.data.fill_(2)
    for _ in range(693):  # half of the way, by steps that bf16 would not notice
        averaged.update(1, 1)
    with averaged.in_place():
        assert param.data.item() == 1.5
        assert param.dtype == torch.bfloat16
    assert param.data.item() == 2


class EvaluatedByItsOwn(torch.optim.SGD):
    """As the schedule-free optimizers are."""

    def eval(self) -> None: ...


def test_an_optimizer_with_an_average_of_its_own_gets_no_other() -> None:
    model = tiny_llama()
    view = view_of(model)
    plan = TrainPlan(phases=throughout(view.names), averaging=Averaging("equal"), optimizer=EvaluatedByItsOwn)
    with pytest.raises(Unsupported, match="an average of its own"):
        on_cpu(model, view, plan)
