"""The judgement as a table in the terminal; where the output is none, every line is as long as it needs to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import change_of, value_of
from bench.gate.outputs.symbols import STYLES, headline, unit_of

if TYPE_CHECKING:
    from rich.console import Console

    from bench.gate.judging.judgement import Judgement

__all__ = ["show"]

_UNTOLD = ("NEW", "PASS")
"""Verdicts that the table says everything about."""
_WIDEST = 1_000_000


def show(judgement: Judgement, console: Console) -> None:
    """Print warnings, a row per finding with its reason, and the judgement in one line."""
    wide = not console.is_terminal
    for warning in judgement.warnings:
        console.print(Text(warning, style=STYLES["WARN"].color), soft_wrap=wide)
    if judgement.findings:
        table = Table(box=None)
        table.add_column("benchmark", overflow="fold")
        for title in ("metric", "base", "head", "change", unit_of(judgement), "verdict"):
            table.add_column(title, no_wrap=wide)
        for finding in judgement.by_severity:
            style = STYLES[finding.verdict]
            cells = (
                finding.benchmark,
                GATED[finding.metric].label if finding.verdict not in {"NEW", "REMOVED"} else "",
                value_of(finding.metric, finding.base),
                value_of(finding.metric, finding.head),
                change_of(finding),
                str(finding.num_pairs or ""),
            )
            verdict = Text(style.word, style.color)
            table.add_row(*map(Text, cells), verdict)
        _print(table, console, wide=wide)
        for finding in judgement.by_severity:
            if finding.verdict not in _UNTOLD:
                metric = "" if finding.verdict == "REMOVED" else f", {GATED[finding.metric].label}"
                about = f"{finding.benchmark}{metric}: {finding.reason}"
                console.print(Text(about, style=STYLES[finding.verdict].color), soft_wrap=wide)
    console.print(Text(headline(judgement), style=STYLES[judgement.verdict].color), soft_wrap=wide)


def _print(table: Table, console: Console, *, wide: bool) -> None:
    """Print a table, which may be as wide as it likes where nothing has a width."""
    width = console.width
    try:
        if wide:
            console.width = max(width, _WIDEST)
            console.width = max(width, console.measure(table).maximum)
        console.print(table)
    finally:
        console.width = width
