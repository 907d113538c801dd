"""The largest micro-batch of a run's strategy that fits the run's device, by forecast: no weight is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment import registry
from bench.forecasting.compositions import device_here, forecaster_on
from bench.forecasting.here import shared_among, with_free_memory
from bench.forecasting.micro_batch import micro_batch
from bench.protocol import Fitted
from bench.workload.models.configuration import configuration_of

if TYPE_CHECKING:
    from bench.experiment.spec import RunSpec
    from bench.workload.data.dataset import Data

__all__ = ["fitted"]


def fitted(spec: RunSpec, data: Data) -> Fitted:
    """Find the largest micro-batch, at most a batch or what a process has of it, on the longest rows of `data`.

    Raises:
        UsageError: the strategies make no plan for this model.
        Unsupported: this device cannot do what they ask for, or what they take cannot be told without numbers.

    """
    card, aim = device_here(is_gpu=spec.device != "cpu", only_known=True)
    num = spec.num_processes or 1
    free = with_free_memory(shared_among(num, card), num).memory_bytes
    whole = spec.model_copy(update={"micro_batch_size": None})
    forecaster = forecaster_on(data, configuration_of(spec.workload.model), whole, card=card, aim=aim)
    forecaster = forecaster.in_way(spec.way)
    batch_size = forecaster.batch_size
    found = micro_batch(forecaster, registry.strategies_of(spec.strategy), free, most=batch_size)
    return Fitted(
        num_rows=found.num_rows,
        batch_size=batch_size,
        num_processes=num,
        peak_bytes=found.forecast.peak_bytes,
        memory_bytes=free,
    )
