"""`bench list`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from bench.errors import ExitCode, UsageError
from bench.inert import line

__all__ = ["list_names"]


def list_names(
    kind: Annotated[
        Literal["strategies", "groups", "models", "datasets", "metrics"], typer.Argument(help="What to list.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Strategies to tell everything of: lora, adapter:type=oft, ./mine.py:Topmost.", show_default=False
        ),
    ] = None,
    *,
    details: Annotated[
        bool,
        typer.Option("--details", help="Tell of every strategy what it sets, and what it cannot be combined with."),
    ] = False,
) -> int:
    """Document every name that the other commands take."""
    if kind != "strategies":
        if names or details:
            raise UsageError(f"bench list {kind} takes no names and no --details, which are for strategies")
        _table(kind)
    else:
        # --help does without
        from bench.api.list_strategies import details_of, entries  # noqa: PLC0415
        from bench.cli.strategy_list import show, show_details  # noqa: PLC0415
        from bench.experiment import registry  # noqa: PLC0415

        if names or details:
            show_details(details_of(names or registry.names(), strict=bool(names)), Console())
        else:
            show(entries(), Console())
    return ExitCode.OK


def _table(kind: str) -> None:
    from bench.api.list_names import LISTS  # noqa: PLC0415  (--help does without)

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("details")
    table.add_column("what it is")
    for entry in LISTS[kind]():
        table.add_row(*map(line, entry))
    Console().print(table)
