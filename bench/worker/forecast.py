"""What a run would take, told before its weights are read, and whether its device has room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import first_line
from bench.experiment import registry
from bench.forecasting.cards import beyond
from bench.forecasting.compositions import device_here, forecaster_on
from bench.forecasting.here import shared_among
from bench.protocol import Forecasted
from bench.workload.models.configuration import configuration_of

if TYPE_CHECKING:
    from bench.experiment.spec import RunSpec
    from bench.workload.data.dataset import Data

__all__ = ["forecasted"]


def forecasted(spec: RunSpec, data: Data) -> Forecasted:
    """Forecast a run by the code of `bench forecast`, on the rows of the run; what goes wrong with that is told, and ends no run.

    How long it takes is told where the speed of this machine was measured before.
    """
    try:
        card, aim = device_here(is_gpu=spec.device != "cpu", only_known=True)
        card = shared_among(spec.num_processes or 1, card)
        forecaster = forecaster_on(data, configuration_of(spec.workload.model), spec, card=card, aim=aim)
        found = forecaster.forecast(registry.strategies_of(spec.strategy))
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises without numbers, the run may do)
        return Forecasted(why_none=first_line(error))
    return Forecasted(forecast=found, does_not_fit=beyond(found, card, spec.num_processes or 1))
