"""`bench list`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import ExitCode

__all__ = ["list_names"]


def list_names(
    kind: Annotated[Literal["strategies", "models", "datasets", "metrics"], typer.Argument(help="What to list.")],
) -> int:
    """Document every name that the other commands take."""
    from bench.api.list_names import LISTS  # noqa: PLC0415  (--help does without)

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("options" if kind == "strategies" else "details")
    table.add_column("what it is")
    for entry in LISTS[kind]():
        table.add_row(*map(Text, entry))
    Console().print(table)
    return ExitCode.OK
