"""`bench report`, and the end of `bench compare`."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from bench.cli.options import FIGURES, GATE, MISMATCH, REFERENCE, STRICT, check_figures_url, read_rules
from bench.errors import BenchError, ExitCode, UsageError
from bench.experiment.budget import Budget
from bench.experiment.spec import QualityName  # noqa: TC001  (typer reads the annotations)
from bench.inert import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.api.result import Result

__all__ = ["report", "show"]


def report(
    directories: Annotated[list[Path], typer.Argument(help="Results directories; several make one joined report.")],
    *,
    reference: Annotated[str | None, REFERENCE] = None,
    quality: Annotated[
        QualityName, typer.Option(help="Score to rank by instead of accuracy.", show_default=False)
    ] = "accuracy",
    allow_mismatch: Annotated[bool, MISMATCH] = False,
    rank_suspect: Annotated[bool, typer.Option("--rank-suspect", help="Rank rows that are in doubt.")] = False,
    kind: Annotated[
        Literal["html", "md", "csv", "json"] | None,
        typer.Option("--format", help="Print the report in this form, and write nothing."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write. [default: the directory; of several reports/out/TIME]")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    figures_url: Annotated[str | None, FIGURES] = None,
    gate: Annotated[Path | None, GATE] = None,
    strict: Annotated[bool, STRICT] = False,
    **given: Any,
) -> int:
    """Make the report of finished comparisons again, or of several together; needs neither torch nor the data."""
    rules = read_rules(gate, strict=strict)
    if kind and (open_page or out or rules):
        raise UsageError("--format prints to the standard output; it goes with none of --open, --out and --gate")
    check_figures_url(figures_url)
    budget = Budget.of(given)
    if rules and len(directories) > 1:
        raise UsageError(f"--gate judges one comparison, not {len(directories)}; give one directory")
    from bench.api.result import default_directory, read_back  # noqa: PLC0415  (a wrong option answers without)

    result = read_back(
        directories,
        reference,
        quality=quality,
        rank_suspect=rank_suspect,
        allow_mismatch=allow_mismatch,
        budget=budget,
    )
    if rules:
        rules.check(one.strategy for one in result.comparisons[0].results)
    judged: int = ExitCode.OK
    if kind:
        _warn(result.warnings)
        sys.stdout.write(result.text(kind, command=_command(), figures_url=figures_url))
    else:
        page = show(result, out or result.directory or default_directory(), figures_url=figures_url)
        if rules:
            judged = rules.judge(result.comparisons[0], page.parent, rank_suspect=rank_suspect)
        if open_page:
            webbrowser.open(page.resolve().as_uri())
    is_mismatched = not allow_mismatch and any(comparison.mismatches for comparison in result.comparisons)
    return ExitCode.USAGE if is_mismatched else judged


def show(
    result: Result, directory: Path | None = None, *, with_data: bool = True, figures_url: str | None = None
) -> Path:
    """Write the report beside the runs or into `directory`, and print each comparison, with what was read unless that was shown before.

    Raises:
        UsageError: no report can be written there.
        BenchError: writing it failed half-way, as on a full disk.

    """
    _warn(result.warnings)
    console = Console()
    try:
        page = result.report(directory, command=_command(), figures_url=figures_url)
    except BenchError:  # a full disk is no reason to show nothing
        result.print(console, with_data=with_data)
        raise
    result.print(console, with_data=with_data)
    console.print(line(f"report: {page}"), soft_wrap=True)
    return page


def _command() -> str:
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def _warn(warnings: Iterable[str]) -> None:
    errors = Console(stderr=True)
    for warning in warnings:
        errors.print(line(warning, "yellow"), soft_wrap=True)
