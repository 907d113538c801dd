"""`bench export`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated

import typer

from bench.errors import ExitCode
from bench.exporting.forms import Form  # noqa: TC001  (typer reads the annotations)

__all__ = ["export"]


def export(
    directory: Annotated[Path, typer.Argument(help="Results directory, which `bench compare` wrote.")],
    *,
    strategy: Annotated[str, typer.Option(help="The strategy, as its row is called.")],
    to: Annotated[Form, typer.Option(help="A script for transformers' Trainer, or YAML for LLaMA-Factory.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; the rows are written beside it. [default: print, and write no rows]"),
    ] = None,
) -> int:
    """Write a measured strategy as a file that trains elsewhere, with the rows, rates, schedule and seed that were measured."""
    from bench.exporting.export import export as exported  # noqa: PLC0415  (a wrong option answers without torch)

    text = exported(directory, strategy, to, out)
    if out is None:
        sys.stdout.write(text)
        sys.stderr.write("the rows that it reads are written with --out FILE\n")
    return ExitCode.OK
