"""What head measured, for the dashboards that users have: github-action-benchmark and Bencher."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import change_of

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Finding, Judgement

__all__ = ["to_bencher", "to_smaller_is_better"]


def to_smaller_is_better(judgement: Judgement) -> str:
    """Write the input of github-action-benchmark's tool "customSmallerIsBetter"; accuracy becomes the share of errors."""
    entries = []
    for finding in judgement.findings:
        if finding.head is None:
            continue
        kind = GATED[finding.metric]
        name, unit, value = kind.label, kind.unit, finding.head
        if kind.better == "higher" and unit == "share":
            name, value = f"errors ({name})", 1 - value
        elif kind.better == "higher":
            if not value:
                continue
            name, unit, value = f"inverse of {name}", f"1/({unit})", 1 / value
        entry = {"name": f"{finding.benchmark}: {name}", "unit": unit, "value": value, "extra": finding.reason}
        entries.append(entry | ({"range": change} if (change := change_of(finding)) else {}))
    return json.dumps(entries, indent=1) + "\n"


def to_bencher(judgement: Judgement) -> str:
    """Write Bencher Metric Format: by benchmark and measure, in the metric's own unit, bounds where there are any."""
    measures: dict[str, dict[str, Any]] = {}
    for finding in judgement.findings:
        if finding.head is not None:
            measures.setdefault(finding.benchmark, {})[finding.metric.replace("_", "-")] = _measure(finding)
    return json.dumps(measures, indent=1) + "\n"


def _measure(finding: Finding) -> dict[str, float]:
    value = {"value": finding.head or 0.0}
    if finding.base is None or finding.low is None or finding.high is None:
        return value
    low, high = (
        finding.base + bound if GATED[finding.metric].compare == "difference" else finding.base * (1 + bound)
        for bound in (finding.low, finding.high)
    )
    return value | {"lower_value": low, "upper_value": high}
