"""The judgement as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bench.gate.outputs.signs import STYLES, WORDS, headline, printable
from bench.gate.verdict import GATED
from bench.gate.words import change_of, value_of

if TYPE_CHECKING:
    from rich.console import Console

    from bench.gate.verdict import Judgement

__all__ = ["show"]


def show(judgement: Judgement, console: Console) -> None:
    """Print warnings, a row per finding with its reason, and the judgement in one line."""
    for warning in judgement.warnings:
        console.print(Text(printable(warning), style=STYLES["WARN"]))
    if judgement.findings:
        table = Table("benchmark", "metric", "base", "head", "change", "pairs", "verdict", box=None)
        for finding in judgement.by_severity:
            cells = (
                printable(finding.benchmark),
                GATED[finding.metric].label,
                value_of(finding.metric, finding.base),
                value_of(finding.metric, finding.head),
                change_of(finding),
                str(finding.num_pairs or ""),
            )
            verdict = Text(WORDS[finding.verdict], style=STYLES[finding.verdict])
            table.add_row(*map(Text, cells), verdict)
        console.print(table)
        for finding in judgement.by_severity:
            if finding.verdict != "PASS":
                about = f"{finding.benchmark}, {GATED[finding.metric].label}: {finding.reason}"
                console.print(Text(printable(about), style=STYLES[finding.verdict]))
    console.print(Text(printable(headline(judgement)), style=STYLES[judgement.verdict]))
