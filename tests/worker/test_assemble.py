from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import RunSpec, parse_strategy
from bench.plan import Edit, throughout
from bench.training.layer_rates import layer_rates
from bench.worker.assemble import Inputs, load_inputs

if TYPE_CHECKING:
    from bench.experiment.spec import WorkloadSpec
    from bench.plan import ModelView

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Needing:
    needs: ClassVar[tuple[str, ...]] = ("no_such_package",)

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@dataclass(frozen=True)
class Talking:
    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout({view.head}))

    def describe(self, _view: ModelView) -> str:
        return "only 1 layer"


def test_the_plan_is_that_of_the_strategies_at_the_rate_that_is_asked_for(workload: WorkloadSpec) -> None:
    inputs = load_inputs(RunSpec(strategy=parse_strategy("freeze+checkpoint"), workload=workload, lr=0.25))
    assert inputs.plan.phases == throughout({"head"})
    assert (inputs.view.num_steps, inputs.view.num_epochs) == (len(inputs.data.train) // 16 + 1, 1)
    assert inputs.plan.checkpoint
    rates = {layer.layer: layer.lr for layer in layer_rates(inputs.prepare(CPU))}
    assert rates.pop("head") == 0.25
    assert set(rates.values()) == {None}


def test_a_composition_that_says_its_rate_is_not_overruled(workload: WorkloadSpec) -> None:
    inputs = load_inputs(RunSpec(strategy=parse_strategy("freeze+checkpoint:lr=0.5"), workload=workload, lr=0.25))
    assert inputs.plan.lr == 0.5
    assert {layer.lr for layer in layer_rates(inputs.prepare(CPU))} == {None, 0.5}


def test_the_micro_batch_is_that_of_a_strategy_or_else_that_of_the_run(workload: WorkloadSpec) -> None:
    def inputs(text: str, size: int | None) -> Inputs:
        return load_inputs(RunSpec(strategy=parse_strategy(text), workload=workload, micro_batch_size=size))

    assert inputs("full", None).plan.micro_batch_size is None
    assert inputs("full", 8).changes == {
        "micro_batch_size": "each step is taken in forward passes of at most 8 rows, whose gradients accumulate"
    }
    assert inputs("accumulate:rows=2", 8).plan == inputs("accumulate:rows=2", None).plan == inputs("full", 2).plan


def test_a_strategy_without_its_packages_cannot_run_here(
    workload: WorkloadSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_offered", {"needing": Needing})
    inputs = load_inputs(RunSpec(strategy=parse_strategy("needing"), workload=workload))
    with pytest.raises(Unsupported, match="needs no_such_package: pip install no_such_package"):
        _ = inputs.plan


def test_strategies_say_of_themselves_what_they_bring(workload: WorkloadSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_offered", {"talking": Talking})
    inputs = load_inputs(RunSpec(strategy=parse_strategy("amp+talking:lr=0.5"), workload=workload))
    assert inputs.changes == {"talking": "only 1 layer", "precision": "amp", "lr": "0.5"} | {
        "phases": "only the head trains"
    }


def test_another_plan_may_be_applied_in_its_place(workload: WorkloadSpec) -> None:
    inputs = load_inputs(RunSpec(strategy=parse_strategy("compile"), workload=workload))
    assert inputs.plan.compile
    assert not inputs.prepare(CPU, plan=replace(inputs.plan, compile=False)).plan.compile


def test_memory_is_noted_between_data_and_weights(workload: WorkloadSpec) -> None:
    spec, noted = RunSpec(strategy=parse_strategy("full"), workload=workload), []
    load_inputs(spec, before_weights=lambda: noted.append("before"))
    assert noted == ["before"]


def test_an_unknown_strategy_is_refused(workload: WorkloadSpec) -> None:
    inputs = load_inputs(RunSpec(strategy=parse_strategy("frieze"), workload=workload))
    with pytest.raises(UsageError, match="frieze"):
        _ = inputs.plan


def test_what_a_strategy_adds_begins_with_numbers_of_the_seed(workload: WorkloadSpec) -> None:
    def adapters(seed: int, history: int) -> list[float]:
        torch.manual_seed(history)  # whatever this process has drawn before
        spec = RunSpec(strategy=parse_strategy("lora"), workload=workload, seed=seed)
        prepared = load_inputs(spec).prepare(CPU)
        return [float(param.detach().sum()) for name, param in prepared.model.named_parameters() if "lora_A" in name]

    assert adapters(0, 1) == adapters(0, 2) != adapters(1, 1)
