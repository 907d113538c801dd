"""What fits by forecast, held against real steps on a device of this machine."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from bench.campaign.fit_by_runs import measure_micro_batch, rows_of_length
from bench.campaign.progress import Display
from bench.errors import UsageError
from bench.executors import Runner
from bench.experiment.matrix import run_spec
from bench.experiment.spec import WorkloadSpec, parse_strategy
from bench.forecasting.cards import HERE
from bench.forecasting.fitting import fitting
from bench.forecasting.micro_batch import MOST_ROWS
from bench.workload.data.check import check_dataset
from bench.workload.data.dataset import load_data
from bench.workload.models.check import check_model_files

if TYPE_CHECKING:
    from bench.experiment.settings import Settings
    from bench.forecasting.fitting import Fitting
    from bench.forecasting.micro_batch import Measured

__all__ = ["measured_fitting"]

SPARE = 2
"""Rows that there are, as a multiple of those that are forecast to fit."""


def measured_fitting(settings: Settings, lengths: int | None, device: str, *, progress: bool = True) -> Fitting:
    """Forecast as `bench.forecasting.fitting.fitting`, then take real steps: with these micro-batches, with fewer rows and with more.

    Raises:
        UsageError: a name or a value is wrong, the device is not here, or the weights of the model are not.
        KeyboardInterrupt: the user interrupted it.

    """
    if device not in (HERE, "cpu"):
        raise UsageError(f"--measure: {device} is not here; measure on --device {HERE} or cpu")
    if (settings.num_processes or 1) > 1:
        raise UsageError("--measure takes the steps of one process: leave --nproc or --measure out")
    check_model_files(settings.model)
    if lengths is None:
        check_dataset(_workload(settings))
    found = fitting(settings, lengths, device)
    measured: dict[str, Measured] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-fit-")))
        console = Console(stderr=True) if progress else Console(quiet=True, force_terminal=False, force_jupyter=False)
        display = stack.enter_context(Display(console, 0))
        runner = stack.enter_context(Runner(timeout_seconds=settings.timeout, on_wait=display.say))
        if lengths is None:
            workload = _workload(settings)
            most = len(load_data(workload).train)
        else:
            most = max([settings.batch_size, *(min(SPARE * one.num_rows, MOST_ROWS) for one in found.rows.values())])
            workload = rows_of_length(folder / "rows.csv", lengths, most, settings.model)
        for name, one in found.rows.items():
            spec = run_spec(settings.in_whole_batches, parse_strategy(name), 0, found.card.kind)
            spec = spec.model_copy(update={"workload": workload})
            measured[name] = measure_micro_batch(spec, one, found.card, runner, display, most=most)
            if runner.interrupted:
                raise KeyboardInterrupt
    return replace(found, measured=measured)


def _workload(settings: Settings) -> WorkloadSpec:
    return WorkloadSpec.model_validate(settings.model_dump(include=set(WorkloadSpec.model_fields)))
