"""`bench rerun`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import ExitCode
from bench.inert import line

__all__ = ["rerun"]


def rerun(
    directory: Annotated[Path, typer.Argument(help="A results directory.")],
    run: Annotated[str, typer.Argument(help="Of a file in its runs, or a strategy as its tables write it.")],
    *,
    seed: Annotated[int | None, typer.Option(help="Of the run. [default: the first]")] = None,
    timeout: Annotated[float | None, typer.Option(min=1.0, help="Seconds after which it is ended.")] = None,
) -> int:
    """Repeat a run from its record alone, and say whether it reproduced: to the last bit on a CPU.

    Nothing is written to the directory.

    Exit codes: 0 it reproduced, 1 it did not, 2 the request is wrong, 130 it was interrupted.
    """
    from bench.records.directories import read_directories  # noqa: PLC0415  (--help does without)

    ((records,), warnings) = read_directories([directory])
    said = Console(stderr=True)
    for warning in warnings:
        said.print(line(warning, "yellow"), soft_wrap=True)
    from bench.campaign.repeat import find_run, repeat  # noqa: PLC0415
    from bench.executors import Runner  # noqa: PLC0415

    found = find_run(records, run, seed)
    with Runner(timeout_seconds=timeout, on_wait=lambda text: said.print(line(text), soft_wrap=True)) as runner:
        repeated = repeat(found, runner)
        if runner.interrupted:
            return ExitCode.INTERRUPTED
    for sentence in repeated.sentences():
        Console(file=sys.stdout).print(line(sentence), soft_wrap=True)
    return ExitCode.OK if repeated.is_same else ExitCode.FAILED
