"""GitHub-flavoured Markdown: the summary of a step, and a comment that a later run finds again by its marker."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import change_of, signed, value_of
from bench.gate.outputs.symbols import STYLES, headline, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.gate.judging.judgement import Finding, Judgement

__all__ = ["MARKER", "to_markdown"]

MARKER = "<!-- bench-gate -->"
"""First line of the comment: what to look for to replace an earlier one."""

_MOST = 100
"""Rows per table, so that a comment stays within what GitHub takes."""

_HEAD = ("benchmark", "metric", "base", "head", "change", "{unit}", "would find", "verdict")
_GREEN = ("PASS", "IMPROVED")


def to_markdown(judgement: Judgement) -> str:
    """Write the judgement: what is not green first, the rest folded."""
    ordered = judgement.by_severity
    loud = [finding for finding in ordered if finding.verdict not in _GREEN]
    green = [finding for finding in ordered if finding.verdict in _GREEN]
    sides = " against ".join(
        _code(side.name) + (f" ({_code(side.commit[:12])})" if side.commit else "")
        for side in (judgement.head, judgement.base)
    )
    parts = [MARKER, f"## {STYLES[judgement.verdict].sign} {_text(headline(judgement))}", sides]
    parts += [f"> {_text(warning)}" for warning in judgement.warnings]
    unit = unit_of(judgement)
    parts += _table(loud, unit)
    if green:
        parts += [f"<details><summary>{len(green)} passed or improved</summary>", *_table(green, unit), "</details>"]
    return "\n\n".join(parts) + "\n"


def _table(findings: list[Finding], unit: str) -> list[str]:
    if not findings:
        return []
    rows = [[title.format(unit=unit) for title in _HEAD], ("---",) * len(_HEAD), *map(_row, findings[:_MOST])]
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    left = len(findings) - _MOST
    return [lines, f"and {left} more, in gate.json"] if left > 0 else [lines]


def _row(finding: Finding) -> Iterable[str]:
    found = "" if finding.detectable is None else signed(finding.metric, finding.detectable).lstrip("+")
    style = STYLES[finding.verdict]
    return (
        _code(finding.benchmark, in_table=True),
        _text(GATED[finding.metric].label),
        _text(value_of(finding.metric, finding.base)),
        _text(value_of(finding.metric, finding.head)),
        _text(change_of(finding)),
        str(finding.num_pairs) if finding.num_pairs else "",
        _text(found),
        f"{style.sign} **{style.word}**: {_text(finding.reason)}",
    )


def _text(text: str) -> str:
    """Make a text mean nothing to Markdown, HTML and tables."""
    plain = escape(_one_line(text), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", plain)


def _code(text: str, *, in_table: bool = False) -> str:
    """Write a name as code, fenced by more backticks than it holds; only a table gives a bar a meaning."""
    name = _one_line(text)
    if not name:
        return ""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", name)), default=0) + 1)
    pad = " " if name.startswith("`") or name.endswith("`") else ""
    return f"{fence}{pad}{name.replace('|', chr(92) + '|') if in_table else name}{pad}{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
