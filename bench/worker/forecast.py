"""What a run would take, told before its weights are read, and whether its device has room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import first_line
from bench.experiment import registry
from bench.forecasting.compositions import device_here, forecaster_on
from bench.protocol import Forecasted
from bench.records.metrics import format_bytes
from bench.workload.models.configuration import configuration_of

if TYPE_CHECKING:
    from bench.experiment.spec import RunSpec
    from bench.forecasting.cards import Card
    from bench.records.forecast import Forecast
    from bench.workload.data.dataset import Data

__all__ = ["forecasted"]


def forecasted(spec: RunSpec, data: Data) -> Forecasted:
    """Forecast a run by the code of `bench forecast`, on the rows of the run; what goes wrong with that is told, and ends no run.

    How long it takes is told where the speed of this machine was measured before.
    """
    if spec.num_processes:
        return Forecasted(why_none="what a process of several takes is not forecast yet")
    try:
        card, aim = device_here(is_gpu=spec.device != "cpu", only_known=True)
        forecaster = forecaster_on(data, configuration_of(spec.workload.model), spec, card=card, aim=aim)
        found = forecaster.forecast(registry.strategies_of(spec.strategy))
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises without numbers, the run may do)
        return Forecasted(why_none=first_line(error))
    return Forecasted(forecast=found, does_not_fit=_beyond(found, card))


def _beyond(found: Forecast, card: Card) -> str | None:
    """Say that a run takes more than its device has, whatever is not known of it; None where it may fit."""
    if card.fit(found.peak_bytes) != "does not fit":
        return None
    least, there = format_bytes(found.peak_bytes[0]), format_bytes(card.memory_bytes)
    return (
        f"the forecast: it takes at least {least} of the {there} that {found.device} has; --force runs it all the same"
    )
