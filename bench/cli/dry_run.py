"""`bench compare --dry-run`: the runs, what would be read for them, and what they would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.campaign.announcement import matrix_table, to_do_once, tuning_in_words
from bench.campaign.micro_batches import with_largest_micro_batches
from bench.campaign.preflight import with_own_rate
from bench.campaign.progress import Display
from bench.cli.forecast_tables import show
from bench.errors import first_line
from bench.executors import Runner
from bench.experiment.settings import FIT
from bench.experiment.tuning import RateSearch
from bench.inert import line
from bench.workload.data.dataset import load_data
from bench.workload.presets import is_hub_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec

__all__ = ["show_request"]


def show_request(settings: Settings, specs: Sequence[RunSpec]) -> None:
    """Print how rates are searched for and the matrix of runs, then what would be read and a forecast.

    What is read, micro-batches that are to be found, and the forecast are shown where nothing has to be fetched or converted for them.

    Raises:
        UsageError: what is read, or a strategy, is wrong.
        KeyboardInterrupt: the user interrupted the search for micro-batches.

    """
    console, display, workload = Console(), Display(Console(stderr=True), 0), specs[0].workload
    if settings.tune is not None:
        told = tuning_in_words(RateSearch.parse(settings.tune), specs, with_own_rate(specs))
        console.print(line(told), soft_wrap=True)
    hub = [name for name in (workload.model, workload.dataset) if is_hub_id(name) and not Path(name).exists()]
    first = [*to_do_once(workload), *(f"{name} to look up on the Hub" for name in hub)]
    fits = settings.micro_batch_size == FIT
    specs = _fitted(settings, specs, display) if fits and not first else specs
    console.print(matrix_table(specs))
    console.file.flush()  # before what follows on stderr
    if first:
        more = ", and micro-batches found" if fits else ""
        more += ", and a forecast here once it is there" if settings.forecast else ""
        display.say(f"what is read will be shown before the first run{more}; it takes {', '.join(first)}")
        return
    display.data(load_data(workload).summary)
    if settings.forecast:
        _show_forecast(settings, specs, console, display)


def _fitted(settings: Settings, specs: Sequence[RunSpec], display: Display) -> Sequence[RunSpec]:
    with Runner(timeout_seconds=settings.timeout, on_wait=display.say) as runner:
        fitted = with_largest_micro_batches(specs, (), runner, display, display.say)
    if runner.interrupted:
        raise KeyboardInterrupt
    return fitted


def _show_forecast(settings: Settings, specs: Sequence[RunSpec], console: Console, display: Display) -> None:
    """Print what each strategy takes on the rows that were read; what goes wrong with that is a line and no more."""
    from bench.forecasting.cards import beyond  # noqa: PLC0415
    from bench.forecasting.compositions import outlook  # noqa: PLC0415  (torch, which a matrix does without)

    device = "cpu" if specs[0].device == "cpu" else "here"
    fitted = {spec.name: spec.micro_batch_size for spec in specs} if settings.micro_batch_size == FIT else {}
    try:
        found = outlook(settings, None, device, fitted=fitted)
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises without numbers)
        display.say(f"no forecast: {first_line(error)}")
        return
    console.print()
    show(found, console)
    if settings.force or settings.on_oom == "halve":
        return
    for name, one in found.rows.items():
        if why := beyond(one, found.card, settings.num_processes or 1):
            console.print(line(f"{name} would be skipped: {why}"), soft_wrap=True)
