"""How a verdict looks and what it is called, the same in every output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.gate.verdict import Judgement, Word

__all__ = ["LEVELS", "SIGNS", "STYLES", "WORDS", "headline", "printable"]

WORDS: dict[Word, str] = {
    "PASS": "pass",
    "IMPROVED": "improved",
    "WARN": "warning",
    "INCONCLUSIVE": "inconclusive",
    "NOT_MEASURED": "not measured",
    "FAIL": "fail",
}

SIGNS: dict[Word, str] = {
    "PASS": "\N{LARGE GREEN CIRCLE}",
    "IMPROVED": "\N{LARGE BLUE CIRCLE}",
    "WARN": "\N{LARGE YELLOW CIRCLE}",
    "INCONCLUSIVE": "\N{LARGE PURPLE CIRCLE}",
    "NOT_MEASURED": "\N{MEDIUM BLACK CIRCLE}",
    "FAIL": "\N{LARGE RED CIRCLE}",
}

STYLES: dict[Word, str] = {
    "PASS": "green",
    "IMPROVED": "bright_blue",
    "WARN": "yellow",
    "INCONCLUSIVE": "magenta",
    "NOT_MEASURED": "reverse",
    "FAIL": "bold red",
}
"""In the terminal."""

LEVELS: dict[Word, str] = {
    "IMPROVED": "notice",
    "WARN": "warning",
    "INCONCLUSIVE": "warning",
    "NOT_MEASURED": "error",
    "FAIL": "error",
}
"""Of an annotation; a pass has none."""


def headline(judgement: Judgement) -> str:
    """Write the judgement in one line."""
    if judgement.head_crashed:
        return f"Gate: head crashed: {judgement.head_crashed}"
    if not judgement.findings:
        return "Gate: not measured: there was nothing to judge"
    counts = ", ".join(f"{number} {WORDS[word]}" for word, number in judgement.counts.items())
    return f"Gate: {WORDS[judgement.verdict]} ({counts})"


def printable(text: str) -> str:
    """Replace what XML cannot hold and a terminal obeys: control characters and halves of characters."""
    return re.sub(
        r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text
    )
