"""`bench fit`."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.cli.forecast import SETTINGS as FORECAST
from bench.cli.forecast_tables import show_fitting
from bench.cli.options import CONFIG_OF_COMPARE, LENGTHS
from bench.errors import ExitCode
from bench.experiment.settings import Settings
from bench.files import default_config

__all__ = ["SETTINGS", "fit"]

SETTINGS = tuple(name for name in FORECAST if name not in {"seeds", "micro_batch_size"})
"""Those of a comparison that decide how much memory its runs take, but for what is looked for."""


def fit(
    *,
    lengths: Annotated[str | None, LENGTHS] = None,
    device: Annotated[
        str, typer.Option(help="Card to fill, such as h100-80gb; here for this machine, cpu for its processor.")
    ] = "here",
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Take real steps too, on a device of this machine, with the model's weights."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
    config: Annotated[Path | None, CONFIG_OF_COMPARE] = None,
    **given: Any,
) -> int:
    """Find the most rows of a forward pass that fit a card with each strategy, from the configuration of a model alone."""
    given = {name: value for name, value in given.items() if value is not None}
    settings = Settings.gather(given, config=config or default_config())
    from bench.forecasting.compositions import lengths_of  # noqa: PLC0415  (a wrong setting answers without)
    from bench.forecasting.fitting import fitting  # noqa: PLC0415

    asked = lengths_of(lengths, settings)
    if measure:
        from bench.api.measure_fit import measured_fitting  # noqa: PLC0415

        found = measured_fitting(settings, asked, device)
    else:
        found = fitting(settings, asked, device)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2) + "\n")
    else:
        show_fitting(found, Console())
    return ExitCode.OK
