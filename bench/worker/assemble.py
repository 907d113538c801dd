"""From the settings of a run to what it trains: data and model, plan, and the model with the plan applied."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

import torch

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.training.here import import_needed
from bench.training.passes.weights import store_weights
from bench.training.prepare import prepare
from bench.training.schedule import schedule_of
from bench.workload.data.dataset import load_data
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.presets import rates_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.experiment.spec import RunSpec
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.training.activation_cache import CacheDirectory
    from bench.training.forward.choose import ForwardChoice
    from bench.training.parallel.group import Group
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Data
    from bench.workload.models.load import LoadedModel

__all__ = ["Inputs", "load_inputs"]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Data and model of a run as they were loaded; `prepare` applies the plan, to this very model."""

    spec: RunSpec
    data: Data
    loaded: LoadedModel

    @cached_property
    def view(self) -> ModelView:
        """The layers of the model, as it was loaded, and the length of the run."""
        epochs = schedule_of(self.spec, self.data.train).epochs
        return view_of(self.loaded.model, self.loaded.fresh, num_steps=sum(map(len, epochs)), num_epochs=len(epochs))

    @cached_property
    def plan(self) -> TrainPlan:
        """The strategies of the run composed, with the learning rate and the micro-batch that it asks for where they say none.

        Raises:
            UsageError: a strategy does not exist, or two contradict each other.
            Unsupported: a strategy needs a package that is not installed.

        """
        plan = compose(registry.strategies_of(self.spec.strategy), self.view)
        plan = plan.with_micro_batch_size(self.spec.micro_batch_size).with_parallel(self.spec.parallel)
        return plan if self.spec.lr is None or self.spec.has_own_lr else plan.with_lr(self.spec.lr)

    @property
    def changes(self) -> dict[str, str]:
        """What the report says of the plan, and the strategies of themselves."""
        return changes(self.plan, self.view, {term.name: registry.load(term) for term in self.spec.strategy})

    def prepare(
        self,
        device: torch.device,
        *,
        plan: TrainPlan | None = None,
        cache_directory: CacheDirectory | None = None,
        choose: ForwardChoice | None = None,
        group: Group | None = None,
    ) -> Prepared:
        """Apply the plan to the model, in place, and move it to `device`. What it adds begins with numbers of the run's seed.

        Args:
            device: Trains.
            plan: In place of the run's own.
            cache_directory: Where equal runs share activations of frozen layers.
            choose: Finds how the model is run in the way of the run; None is `choose_forward`.
            group: The ranks that share the run, where several do.

        Raises:
            UsageError, Unsupported: as `bench.training.prepare.prepare` does.

        """
        torch.manual_seed(self.spec.seed)
        return prepare(
            self.loaded.model,
            self.view,
            self.plan if plan is None else plan,
            split=self.data.train,
            pad_token_id=self.data.pad_token_id,
            rates=rates_of(self.spec.workload.model),
            device=device,
            weight_decay=self.spec.weight_decay,
            cache_directory=cache_directory,
            way=self.spec.way,
            choose=choose,
            group=group,
        )

    def loaded_again(self) -> Inputs:
        """The same data, and the model loaded once more, to which no plan has been applied."""
        return replace(self, loaded=_load_model(self.spec, self.data))

    def reload(self, like: Prepared) -> PreTrainedModel:
        """Load the model once more, onto the device of `like`, its weights stored as those of that one were before training."""
        model = _load_model(self.spec, self.data).model
        store_weights(
            model,
            like.resolved.trained,
            weights=like.plan.weights,
            frozen_weights=like.plan.frozen_weights,
            precision=like.precision.dtype,
            device=like.device,
        )
        return model


def load_inputs(
    spec: RunSpec,
    *,
    validation: bool = False,
    report: Callable[[int, int], None] | None = None,
    on_data: Callable[[Data], None] = lambda _: None,
    before_weights: Callable[[], None] = lambda: None,
) -> Inputs:
    """Load the data of a run, then its model.

    Args:
        spec: Of the run.
        validation: Whether it is evaluated on rows held out of those to train on.
        report: Called with the bytes of a package so far and their total, while one is fetched.
        on_data: Called with the data, before anything is loaded for the model.
        before_weights: Called right before the weights are read, to note how much memory is in use.

    Raises:
        UnknownName, AssetError, DataError, ModelError: the data or the model cannot be had.

    """
    data = load_data(spec.workload, report, validation=validation)
    on_data(data)
    _import_needed(spec)
    before_weights()
    return Inputs(spec=spec, data=data, loaded=_load_model(spec, data))


def _import_needed(spec: RunSpec) -> None:
    if spec.num_processes:
        import_module("bench.training.parallel.shard")  # for all strategies alike, whichever needs it
    with suppress(UsageError, Unsupported):  # which the plan says later
        import_needed(registry.strategies_of(spec.strategy))


def _load_model(spec: RunSpec, data: Data) -> LoadedModel:
    workload = spec.workload
    return load_model(workload.model, labels=data.label_names, seed=spec.seed, head=workload.head)
