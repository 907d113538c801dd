"""What is exported: a run that was measured, with its model, data and plan made once more.

The record is the truth: it says what was measured. But it holds a plan in words alone, so the plan is composed again, of the
same strategies for the same model, as a run does it. Both are compared wherever the record has a number or a digest, and
where they part nothing is exported: a file must not claim what nobody has measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bench.errors import UnknownName, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import canonical
from bench.plan.train_plan import TrainPlan
from bench.records.store import Store
from bench.training.layer_rates import layer_rates
from bench.training.schedule import schedule_of
from bench.worker.assemble import load_inputs
from bench.workload.data.selection import choose
from bench.workload.data.source import source_of
from bench.workload.models.digest import model_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.records.record import LayerRate, Measurement, RunRecord
    from bench.training.prepared import Prepared
    from bench.training.trainer import Schedule
    from bench.worker.assemble import Inputs
    from bench.workload.data.selection import Chosen

__all__ = ["Measured", "find_runs", "make_again"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run that ended well, and what it trained, made once more."""

    record: RunRecord
    measured: Measurement
    seeds: tuple[int, ...]
    """Of all runs of this strategy."""
    inputs: Inputs
    prepared: Prepared
    """The model with what the plan adds to it and the groups of its optimizer, whatever else the plan says left out."""
    schedule: Schedule
    chosen: Chosen
    """The rows, as texts."""

    @property
    def plan(self) -> TrainPlan:
        """All that the strategies of the run set."""
        return self.inputs.plan

    @property
    def rates(self) -> dict[str, float | None]:
        """The peak learning rate of every parameter, by its name in the model with adapters; None where it never trains."""
        rate_of = {param: group["lr"] for group in self.prepared.optimizer.param_groups for param in group["params"]}
        return {name: rate_of.get(param) for name, param in self.prepared.model.named_parameters()}


def find_runs(directory: Path, strategy: str) -> list[RunRecord]:
    """Find the runs of a strategy that ended well, the smallest seed first.

    Raises:
        UsageError: the directory has none, or those of several settings.

    """
    name = canonical(strategy)
    store = Store(directory)
    records = store.read_all()
    if not records:
        why = f" that can be read: {'; '.join(store.warnings)}" if store.warnings else ""
        raise UsageError(f"{directory} holds no runs{why}; give a directory that `bench compare` wrote")
    asked = [record for record in records if record.spec.name == name]
    if not asked:
        kind = f"strategy in {directory}"
        raise UnknownName(kind, name, {record.spec.name for record in records})
    runs = sorted((record for record in asked if record.status == "ok"), key=lambda record: record.spec.seed)
    if not runs:
        raise UsageError(f"no run of {name} in {directory} ended well: {asked[0].status}, {asked[0].reason}")
    if len({record.spec.model_copy(update={"seed": 0}) for record in runs}) > 1:
        raise UsageError(f"{directory} holds runs of {name} with several settings; give a directory of one comparison")
    return runs


def make_again(runs: list[RunRecord]) -> Measured:
    """Load model and data of the first of these runs, and apply its plan.

    Raises:
        UsageError: they cannot be had, or are others than those that were measured.

    """
    record = runs[0]
    measured = record.measured
    assert measured is not None
    spec = record.spec
    try:
        inputs = load_inputs(spec)
        _check(f"{spec.name}: the data", inputs.data.digest, measured.data_digest)
        _check(f"{spec.name}: the model", model_digest(spec.workload.model), measured.model_digest)
        _check(f"{spec.name}: the code of its strategies", registry.code_of(spec.strategy), measured.strategy_code)
        plan = inputs.plan
        trains = TrainPlan(
            phases=plan.phases,
            lr=plan.lr,
            lr_scale=plan.lr_scale,
            transforms=plan.transforms,
            prompt_tokens=plan.prompt_tokens,
        )
        prepared = inputs.prepare(torch.device("cpu"), plan=trains)
    except Unsupported as error:
        raise UsageError(f"{spec.name} cannot be made again here: {error}") from error
    schedule = schedule_of(spec, inputs.data.train)
    what = f"{spec.name}: what trains, and how fast,"
    _check(what, _by_layer(layer_rates(prepared)), _by_layer(measured.layer_rates))
    num_trained = prepared.num_trainable_params(schedule.turns(inputs.plan.phases).values())
    _check(what, num_trained, measured.num_trainable_params)
    _check(f"{spec.name}: the number of steps", schedule.num_steps, measured.num_steps)
    seeds = tuple(run.spec.seed for run in runs)
    return Measured(
        record=record,
        measured=measured,
        seeds=seeds,
        inputs=inputs,
        prepared=prepared,
        schedule=schedule,
        chosen=choose(spec.workload, *source_of(spec.workload).read()),
    )


def _by_layer(rates: Iterable[LayerRate]) -> dict[str, float | None]:
    return {one.layer: one.lr for one in rates}


def _check(what: str, here: object, then: object) -> None:
    """Refuse what differs from the record; what an older record does not hold cannot differ."""
    if then is not None and here != then:
        raise UsageError(f"{what} differs from what was measured; measure it again, then export it")
