"""`bench forecast`."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.cli.forecast_tables import show
from bench.cli.options import CONFIG_OF_COMPARE, LENGTHS
from bench.errors import ExitCode
from bench.experiment.settings import Settings
from bench.experiment.spec import TrainingSpec, WorkloadSpec
from bench.files import default_config

__all__ = ["SETTINGS", "forecast"]

SETTINGS = ("strategies", *WorkloadSpec.model_fields, "seeds", "num_processes", "parallel", *TrainingSpec.model_fields)
"""Those of a comparison that decide what its runs take."""


def forecast(
    *,
    lengths: Annotated[str | None, LENGTHS] = None,
    device: Annotated[
        str, typer.Option(help="Card that it is for, such as h100-80gb; here for this machine, cpu for its processor.")
    ] = "here",
    price: Annotated[str | None, typer.Option(help="Of an hour of that card: 2.5/h or $2.50/h.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")] = False,
    config: Annotated[Path | None, CONFIG_OF_COMPARE] = None,
    **given: Any,
) -> int:
    """Tell the memory, the time and the cost of training with each strategy, from the configuration of a model alone."""
    given = {name: value for name, value in given.items() if value is not None}
    settings = Settings.gather(given, config=config or default_config())
    from bench.forecasting.compositions import lengths_of, outlook  # noqa: PLC0415  (a wrong setting answers without)
    from bench.forecasting.money import Price  # noqa: PLC0415

    paid = None if price is None else Price.parse(price)
    found = outlook(settings, lengths_of(lengths, settings), device, paid)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2) + "\n")
    else:
        show(found, Console())
    return ExitCode.OK
