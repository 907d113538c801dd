"""`bench forecast`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import ExitCode, Unsupported
from bench.experiment.settings import Settings
from bench.experiment.spec import TrainingSpec, WorkloadSpec
from bench.files import default_config

if TYPE_CHECKING:
    from bench.records.forecast import Forecast

__all__ = ["SETTINGS", "forecast"]

SETTINGS = ("strategies", *WorkloadSpec.model_fields, *TrainingSpec.model_fields)
"""Those of a comparison that decide what its runs take."""
_COLUMNS = ("strategy", "trains", "peak GiB", "weights", "gradients", "optimizer", "activations", "temporary", "TFLOP")


def forecast(
    *,
    lengths: Annotated[
        str | None,
        typer.Option(help="Tokens of every row, or data for the rows of --dataset. [default: --max-length]"),
    ] = None,
    device: Annotated[str, typer.Option(help="What it is for: here or cpu.")] = "here",
    config: Annotated[
        Path | None, typer.Option(help="TOML file of the options of compare. [default: bench.toml]")
    ] = None,
    **given: Any,
) -> int:
    """Tell the memory and the FLOPs of a training step of each strategy, from the configuration of a model alone."""
    given = {name: value for name, value in given.items() if value is not None}
    settings = Settings.gather(given, config=config or default_config())
    from bench.forecasting.compositions import aim_of, forecasts, lengths_of  # noqa: PLC0415  (a wrong setting answers without)

    console, table = Console(), Table(box=None, padding=(0, 2, 0, 0))
    for number, name in enumerate(_COLUMNS):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    found = list(forecasts(settings, lengths_of(lengths, settings), aim_of(device)))
    told = [(name, one) for name, one in found if not isinstance(one, Unsupported)]
    for name, one in told:
        table.add_row(*map(Text, _row(name, one)))
    if told:
        console.print(table)
    for name, one in found:
        if isinstance(one, Unsupported):
            console.print(Text(f"{name}: {one}"), soft_wrap=True)
    for doubt in dict.fromkeys(doubt for _, one in told for doubt in one.unproven):
        names = [name for name, one in told if doubt in one.unproven]
        of = "" if len(names) == len(told) else f" of {', '.join(names)}"
        console.print(Text(f"unproven{of}: {doubt}", style="dim"), soft_wrap=True)
    return ExitCode.OK


def _row(name: str, one: Forecast) -> tuple[str, ...]:
    memory = one.memory
    parts = (memory.weights_bytes, memory.gradients_bytes, memory.optimizer_bytes)
    sizes = (memory.peak_bytes, *parts, memory.activations_bytes, memory.temporaries_bytes)
    flops = "" if one.step_flops is None else f"{one.step_flops / 1e12:,.3g}"
    return (name, f"{one.num_trainable_params:,}", *(f"{size / 2**30:,.2f}" for size in sizes), flops)
