"""Workflow commands of GitHub: annotations beside the code and on the page of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.gate.judging.judgement import GATED
from bench.gate.outputs.symbols import STYLES, headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.gate.judging.judgement import Judgement

__all__ = ["to_annotations"]

_MOST = 10
"""Of one level that GitHub shows per step."""


def to_annotations(judgement: Judgement) -> str:
    """Write one command per finding that is not a pass, the most severe first, ten per level at most."""
    return "".join(f"{line}\n" for line in _lines(judgement))


def _lines(judgement: Judgement) -> Iterator[str]:
    if judgement.head_crashed or not judgement.findings:
        yield _command("error", {"title": "bench gate"}, headline(judgement))
    for warning in judgement.warnings:
        yield _command("warning", {"title": "bench gate"}, warning)
    for level in ("error", "warning", "notice"):
        found = [finding for finding in judgement.by_severity if STYLES[finding.verdict].level == level]
        shown = found if len(found) <= _MOST else found[: _MOST - 1]
        for finding in shown:
            title = f"{finding.benchmark}: {GATED[finding.metric].label}: {STYLES[finding.verdict].word}"
            where = {} if finding.file is None else {"file": finding.file, "line": str(finding.line or 1)}
            yield _command(level, where | {"title": title}, finding.reason)
        if len(found) > len(shown):
            yield _command(level, {"title": "bench gate"}, f"and {len(found) - len(shown)} more, in gate.json")


def _command(level: str, properties: dict[str, str], message: str) -> str:
    listed = ",".join(f"{name}={_escape(value, '%:,')}" for name, value in properties.items())
    return f"::{level} {listed}::{_escape(message, '%')}"


def _escape(text: str, special: str) -> str:
    """Percent-encode the ends of lines and the characters that separate the parts of a command."""
    return "".join(f"%{ord(char):02X}" if char in special + "\r\n" else char for char in text)
