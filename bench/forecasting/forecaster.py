"""What strategies would take on a model of which nothing but the configuration is there."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from bench.errors import BenchError, NotForecast, Unsupported
from bench.forecasting.cards import added_by
from bench.forecasting.duration import run_seconds, training_seconds
from bench.forecasting.fake import classifier, without_numbers
from bench.forecasting.few_layers import Taken, are_alike, grows_in_one_place, least_layers
from bench.forecasting.one_of_several import one_of_several
from bench.forecasting.steps import DEVICE, largest_part, trace
from bench.forecasting.tracker import KINDS
from bench.forecasting.whole_pass import work_of_pass
from bench.plan.compose import compose
from bench.plan.sharing import cuts, offloads
from bench.records.forecast import Forecast, ForecastMemory
from bench.training.forward.by_shape import choose_by_shape
from bench.training.forward.rule import way_on_cpu
from bench.training.here import import_needed
from bench.training.parallel.buckets import BUCKET_BYTES
from bench.training.parallel.choose import check_shared
from bench.training.step_flops import flops_of_step, flops_per_unit
from bench.training.target import aiming_at, target
from bench.workload.models.layers import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedConfig, PreTrainedModel

    from bench.experiment.ways import Way
    from bench.forecasting.cards import Card
    from bench.forecasting.duration import Bounds
    from bench.forecasting.run_size import RunSize
    from bench.forecasting.training import Training
    from bench.plan.train_plan import Strategy, TrainPlan
    from bench.plan.view import ModelView
    from bench.training.prepared import Prepared
    from bench.training.target import Target

__all__ = ["Forecaster"]

BEYOND = (2, 3)
"""Layers beyond the fewest that a composition can be of, in the two models from which lines are drawn."""


class Forecaster:
    """Forecasts one composition of strategies after the other, on one model and one batch."""

    def __init__(
        self,
        config: PreTrainedConfig,
        training: Training,
        *,
        num_labels: int = 2,
        aim: Target | None = None,
        card: Card | None = None,
        size: RunSize | None = None,
        way: Way | None = None,
    ) -> None:
        """Forecast for the device `aim`, or for the CPU of this machine; with its `card` and the size of a run, their time too.

        The model is run in this `way`; None packs.

        Raises:
            ModelError: no classifier can be built of `config`, or its parts cannot be told apart.

        """
        self._config, self._training, self._num_labels, self._aim = config, training, num_labels, aim
        self._card, self._size, self._way, self._is_way_forced = card, size, way, False
        self._num_layers: int = config.get_text_config().num_hidden_layers
        self._view = cache(lambda num_layers: self._view_of(self._model(num_layers)))
        with without_numbers():
            whole = self._model(self._num_layers)
            self._whole_view, self._are_alike = self._view_of(whole), are_alike(whole)
            on_cpu = aim is None or aim.kind == "cpu"
            sizes = (training.split.lengths, training.batch_size, training.micro_batch_size)
            self._chosen = way_on_cpu(whole, *sizes) if on_cpu else None

    @property
    def batch_size(self) -> int:
        """The rows of a step; of several processes those of one."""
        return self._training.num_rows

    def forecast(self, strategies: Sequence[Strategy]) -> Forecast:
        """Run a few steps of the composition without numbers, and tell what they took.

        Raises:
            UsageError: it makes no plan for this model.
            Unsupported: the device cannot do what it asks for.
            NotForecast: what it takes cannot be told without the data, or for such a run.

        """
        import_needed(strategies)  # here: what a package makes as it is imported has numbers
        with aiming_at(self._aim), without_numbers() as mode:
            plan = compose(strategies, self._whole_view)
            if plan.seen_embeddings and not self._training.has_texts:
                raise NotForecast("seen_embeddings: what it saves depends on the words of texts, so it takes the data")
            if self._training.step_rows is not None and plan.micro_batch_size is not None:
                raise NotForecast(f"it cuts batches itself, into forward passes of {plan.micro_batch_size} rows")
            plan = plan.with_parallel(self._training.parallel)
            check_shared(plan, DEVICE if self._training.num_processes > 1 else None)
            if offloads(plan.parallel):
                raise NotForecast("what a process takes whose parameters wait in the host's memory is not forecast yet")
            taken = self._by_few_layers(strategies, plan) or self._taken(plan, self._whole_view)
            device = target(DEVICE)
        highest = max(taken.peaks.values(), key=lambda parts: int(parts.sum()))
        memory = ForecastMemory(**{f"{kind}_bytes": int(size) for kind, size in zip(KINDS, highest, strict=True)})
        seconds, run = self._seconds(taken, memory, is_cached=plan.cache_prefix)
        return Forecast(
            device=device.name,
            num_params=taken.num_params,
            num_trainable_params=taken.num_trainable_params,
            memory=memory,
            overhead_bytes=None if self._card is None else added_by(self._card, memory),
            step_flops=taken.step_flops,
            seconds=seconds,
            run_seconds=run,
            unproven=tuple(_unproven(plan, device, mode.num_read, self._training.num_processes)),
        )

    def in_micro_batches(self, num_rows: int) -> Forecaster:
        """Return one whose steps are taken in forward passes of at most so many rows."""
        return self._on(replace(self._training, micro_batch_size=num_rows), self._size)

    def in_passes_of(self, num_rows: int) -> Forecaster:
        """Return one whose steps have forward passes of so many rows, however many a batch has; it tells no time."""
        return self._on(self._training.in_passes_of(num_rows), None)

    def in_way(self, way: Way | None, *, forced: bool = False) -> Forecaster:
        """Return one that runs the model in this way, and if `forced` in no other.

        None is what a comparison would choose: on a GPU, before any time is known.
        """
        other = copy(self)
        vars(other).update(_way=way or self._chosen, _is_way_forced=forced)
        return other

    def _on(self, training: Training, size: RunSize | None) -> Forecaster:
        other = copy(self)
        vars(other).update(_training=training, _size=size)
        return other

    def _seconds(self, taken: Taken, memory: ForecastMemory, *, is_cached: bool) -> tuple[Bounds | None, Bounds | None]:
        """Tell how long training takes, and the whole run."""
        if not (self._card and self._size and taken.step_work and taken.pass_work):
            return None, None
        work = self._size.work(taken.step_work, taken.pass_work, is_cached=is_cached, loaded_bytes=memory.weights_bytes)
        return training_seconds(work, self._card.speed), run_seconds(work, self._card.speed)

    def _model(self, num_layers: int) -> PreTrainedModel:
        return classifier(self._config, num_labels=self._num_labels, num_layers=num_layers)

    def _view_of(self, model: PreTrainedModel) -> ModelView:
        return view_of(model, num_steps=self._training.num_steps, num_epochs=self._training.num_epochs)

    def _by_few_layers(self, strategies: Sequence[Strategy], plan: TrainPlan) -> Taken | None:
        """Go on from two small models to the whole one; None where that is not known to be a straight line."""
        if not self._are_alike:
            return None

        def composed(num_layers: int) -> TrainPlan | None:
            try:
                return compose(strategies, self._view(num_layers))
            except BenchError:
                return None

        least = least_layers(lambda num: composed(num) is not None, self._num_layers)
        numbers = [least + more for more in BEYOND]
        if sum(numbers) >= self._num_layers:
            return None  # the whole takes less
        plans = {num: composed(num) for num in numbers}
        small = [(one, self._view(num)) for num, one in plans.items() if one is not None]
        if len(small) < len(numbers) or not grows_in_one_place([*small, (plan, self._whole_view)]):
            return None
        few, more = (self._taken(one, view) for one, view in small)
        taken = few.up_to(more, self._num_layers)
        # Of replicas what is sent at once grows with the layers, and no further than a bucket.
        is_sent = self._training.num_processes > 1 and not cuts(plan.parallel)
        many = is_sent and taken and 4 * taken.num_trainable_params > BUCKET_BYTES
        return None if many else taken

    def _taken(self, plan: TrainPlan, view: ModelView) -> Taken:
        num_layers = len(view.layers) - 2
        choose, model = partial(choose_by_shape, forced=self._is_way_forced), self._model(num_layers)
        with one_of_several(self._training.num_processes, DEVICE) as group:
            traced = trace(model, view, plan, self._training, way=self._way, group=group, choose=choose)
            return Taken(
                num_layers=num_layers,
                peaks=traced.peaks,
                num_params=traced.prepared.num_params,
                num_trainable_params=traced.prepared.num_trainable_params([largest_part(plan, view)]),
                step_flops=_flops(traced.prepared, self._training),
                step_work=traced.work,
                pass_work=work_of_pass(traced.prepared, self._training) if self._size else None,
            )


def _flops(prepared: Prepared, training: Training) -> int | None:
    """Count the useful FLOPs of the step, of all processes together; None where that is beyond this model."""
    try:
        _, per_unit = flops_per_unit(prepared, training.split)
    except Unsupported:
        return None
    return flops_of_step(prepared, training.split, training.rows_of_all, per_unit)


def _unproven(plan: TrainPlan, device: Target, num_read: int, num_processes: int) -> Iterator[str]:
    """Say what of a forecast is not what runs."""
    if device.kind == "cuda":
        yield "what kernels of a GPU keep and need is taken to be what those of a CPU do"
    if plan.compile:
        yield "compiled layers keep less than this, which is of layers as they are"
    if num_processes > 1:
        what = "parameters and gradients" if cuts(plan.parallel) else "gradients"
        yield f"what NCCL or gloo keeps to send {what} is not counted"
    if cuts(plan.parallel) and device.kind == "cpu":
        yield "what the C library of a process on a CPU keeps of layers that come and go is not counted: it can be twice the rest"
    if num_read:
        yield "it looks at numbers as it trains, which were taken to be 0"
