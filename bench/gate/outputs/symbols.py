"""How a verdict looks and what it is called, the same in every output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from bench.gate.judging.judgement import FILE_METRICS

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Judgement, Verdict

__all__ = ["STYLES", "Style", "headline", "unit_of"]


class Style(NamedTuple):
    """How a verdict looks."""

    word: str
    sign: str
    color: str
    """In the terminal."""
    level: Literal["error", "warning", "notice"] | None = None
    """Of an annotation; what passes, is new or may be missing has none."""


STYLES: dict[Verdict, Style] = {
    "NEW": Style("new", "\N{MEDIUM WHITE CIRCLE}", "cyan"),
    "REMOVED": Style("removed", "\N{MEDIUM WHITE CIRCLE}", "cyan"),
    "PASS": Style("pass", "\N{LARGE GREEN CIRCLE}", "green"),
    "IMPROVED": Style("improved", "\N{LARGE BLUE CIRCLE}", "bright_blue", "notice"),
    "WARN": Style("warning", "\N{LARGE YELLOW CIRCLE}", "yellow", "warning"),
    "INCONCLUSIVE": Style("inconclusive", "\N{LARGE PURPLE CIRCLE}", "magenta", "warning"),
    "NOT_MEASURED": Style("not measured", "\N{MEDIUM BLACK CIRCLE}", "reverse", "error"),
    "FAIL": Style("fail", "\N{LARGE RED CIRCLE}", "bold red", "error"),
}


def headline(judgement: Judgement) -> str:
    """Write the judgement in one line."""
    if judgement.head_crashed:
        return f"Gate: head crashed: {judgement.head_crashed}"
    if not judgement.findings:
        return "Gate: not measured: there was nothing to judge"
    counts = ", ".join(f"{number} {STYLES[word].word}" for word, number in judgement.counts.items())
    return f"Gate: {STYLES[judgement.verdict].word} ({counts})"


def unit_of(judgement: Judgement) -> str:
    """What the numbers of the judgement were counted in: pairs of processes, or files a side."""
    return "files" if any(finding.metric in FILE_METRICS for finding in judgement.findings) else "pairs"
