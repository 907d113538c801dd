"""The judgement of the gate as one HTML file that needs no network and no script, with the pairs drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.words.numbers import NOT_MEASURED
from bench.files import replace_file
from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import change_of, signed, value_of
from bench.gate.outputs import FORMATS
from bench.gate.outputs.symbols import STYLES, headline, unit_of

from ..charts.drawing import to_svg
from ..charts.pair_changes import pair_changes
from ..charts.theme import NARROW
from ..tables.cells import one_line
from .templating import asset, render

if TYPE_CHECKING:
    from pathlib import Path

    from bench.gate.judging.judgement import Finding, Judgement

__all__ = ["FILE_NAME", "render_gate", "write_gate"]

FILE_NAME = "gate.html"

_MOST_DRAWN = 24
"""Charts in a page, those of the most severe verdicts; it must open well on a phone."""


def write_gate(judgement: Judgement, directory: Path) -> Path:
    """Write the page into a directory; return its path.

    Raises:
        OSError: the directory cannot be written.

    """
    path = directory / FILE_NAME
    replace_file(path, render_gate(judgement).encode())
    return path


def render_gate(judgement: Judgement) -> str:
    """Render the page. Names and reasons come from outside and are escaped; the figures are ours."""
    charts = [pair_changes(finding, f"gate-{index}") for index, finding in enumerate(judgement.by_severity)]
    shown = [chart for chart in charts if not chart.missing]
    return render(
        "gate.html",
        own_css=asset("gate.css"),
        headline=headline(judgement),
        unit=unit_of(judgement),
        kind=_kind(judgement.verdict),
        judgement=judgement,
        rows=[_row(finding) for finding in judgement.by_severity],
        charts=[(chart, to_svg(chart, NARROW)) for chart in shown[:_MOST_DRAWN]],
        num_left=max(0, len(shown) - _MOST_DRAWN),
        files=[form.file_name for form in FORMATS.values()],
    )


def _row(finding: Finding) -> dict[str, str]:
    """Return a finding as it stands in the table: the class of its verdict is its kind."""
    detectable = finding.detectable
    return {
        "benchmark": one_line(finding.benchmark),
        "metric": GATED[finding.metric].label,
        "base": value_of(finding.metric, finding.base) or NOT_MEASURED,
        "head": value_of(finding.metric, finding.head) or NOT_MEASURED,
        "change": change_of(finding) or NOT_MEASURED,
        "pairs": str(finding.num_pairs or NOT_MEASURED),
        "detectable": NOT_MEASURED if detectable is None else signed(finding.metric, detectable).lstrip("+"),
        "verdict": STYLES[finding.verdict].word,
        "kind": _kind(finding.verdict),
        "reason": one_line(finding.reason),
    }


def _kind(verdict: str) -> str:
    return verdict.lower().replace("_", "-")
