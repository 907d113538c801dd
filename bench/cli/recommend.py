"""`bench recommend`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bench.cli.options import MISMATCH, REFERENCE
from bench.errors import ExitCode
from bench.experiment.budget import Budget
from bench.experiment.spec import QualityName  # noqa: TC001  (typer reads the annotations)
from bench.inert import line

if TYPE_CHECKING:
    import reports
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = ["recommend"]


def recommend(
    directory: Annotated[Path, typer.Argument(help="A results directory.")],
    *,
    strategies: Annotated[str | None, typer.Option(help="Choose among these alone. [default: all]")] = None,
    reference: Annotated[str | None, REFERENCE] = None,
    quality: Annotated[
        QualityName, typer.Option(help="Score to bound and rank by instead of accuracy.", show_default=False)
    ] = "accuracy",
    allow_mismatch: Annotated[bool, MISMATCH] = False,
    rank_suspect: Annotated[bool, typer.Option("--rank-suspect", help="Judge rows that are in doubt.")] = False,
    **given: Any,
) -> int:
    """Choose the strategy that fits a budget best, and say why none of the others; needs neither torch nor the data.

    Exit codes: 0 whatever the answer is, 2 the request is wrong, or the runs cannot be compared.
    """
    budget = Budget.of(given) or Budget()  # a wrong bound answers before anything is read
    from bench.api.result import read_back  # noqa: PLC0415  (--help does without)

    result = read_back(
        [directory], reference, quality=quality, rank_suspect=rank_suspect, allow_mismatch=allow_mismatch
    )
    for warning in result.warnings:
        Console(stderr=True).print(line(warning, "yellow"), soft_wrap=True)
    found = result.recommended(budget, strategies)
    Console(file=sys.stdout).print(reports.recommendation_text(found))
    return ExitCode.USAGE if found.verdict == "not valid" else ExitCode.OK
