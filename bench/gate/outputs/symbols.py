"""How a verdict looks and what it is called, the same in every output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.gate.judging.judgement import FILE_METRICS

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Judgement, Verdict

__all__ = ["LEVELS", "SIGNS", "STYLES", "WORDS", "headline", "unit_of"]

WORDS: dict[Verdict, str] = {
    "NEW": "new",
    "REMOVED": "removed",
    "PASS": "pass",
    "IMPROVED": "improved",
    "WARN": "warning",
    "INCONCLUSIVE": "inconclusive",
    "NOT_MEASURED": "not measured",
    "FAIL": "fail",
}

SIGNS: dict[Verdict, str] = {
    "NEW": "\N{MEDIUM WHITE CIRCLE}",
    "REMOVED": "\N{MEDIUM WHITE CIRCLE}",
    "PASS": "\N{LARGE GREEN CIRCLE}",
    "IMPROVED": "\N{LARGE BLUE CIRCLE}",
    "WARN": "\N{LARGE YELLOW CIRCLE}",
    "INCONCLUSIVE": "\N{LARGE PURPLE CIRCLE}",
    "NOT_MEASURED": "\N{MEDIUM BLACK CIRCLE}",
    "FAIL": "\N{LARGE RED CIRCLE}",
}

STYLES: dict[Verdict, str] = {
    "NEW": "cyan",
    "REMOVED": "cyan",
    "PASS": "green",
    "IMPROVED": "bright_blue",
    "WARN": "yellow",
    "INCONCLUSIVE": "magenta",
    "NOT_MEASURED": "reverse",
    "FAIL": "bold red",
}
"""In the terminal."""

LEVELS: dict[Verdict, str] = {
    "IMPROVED": "notice",
    "WARN": "warning",
    "INCONCLUSIVE": "warning",
    "NOT_MEASURED": "error",
    "FAIL": "error",
}
"""Of an annotation; what passes, is new or may be missing has none."""


def headline(judgement: Judgement) -> str:
    """Write the judgement in one line."""
    if judgement.head_crashed:
        return f"Gate: head crashed: {judgement.head_crashed}"
    if not judgement.findings:
        return "Gate: not measured: there was nothing to judge"
    counts = ", ".join(f"{number} {WORDS[word]}" for word, number in judgement.counts.items())
    return f"Gate: {WORDS[judgement.verdict]} ({counts})"


def unit_of(judgement: Judgement) -> str:
    """What the numbers of the judgement were counted in: pairs of processes, or files a side."""
    return "files" if any(finding.metric in FILE_METRICS for finding in judgement.findings) else "pairs"
