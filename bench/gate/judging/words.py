"""Changes of a gate in words, the same in every output; the style of the numbers is that of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.words.numbers import change, percent, percent_change, unit_of
from bench.gate.judging.judgement import GATED
from bench.gate.judging.sequential import share_of

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Finding
    from bench.gate.judging.sequential import InterimAnalysis

__all__ = ["change_of", "faster_or_slower", "percent", "signed", "value_of"]


def signed(metric: str, amount: float) -> str:
    """Write a change with its sign: "+4.2%" of a ratio, "-0.5 points" for a share that is subtracted."""
    kind = GATED[metric]
    return change(kind, amount) if kind.compare == "difference" else percent_change(amount)


def faster_or_slower(look: InterimAnalysis) -> str:
    """Write what a look at logarithms of step times shows."""
    low, high = (percent_change(share_of(bound)) for bound in (look.low, look.high))
    word = "slower" if look.estimate > 0 else "faster"
    return f"{percent(abs(share_of(look.estimate)))} {word} ({low} to {high})"


def change_of(finding: Finding) -> str:
    """Write change and bounds of a finding: "+8.1% (+5.2 to +11.0)"; empty where nothing was measured."""
    if finding.change is None:
        return ""
    text = signed(finding.metric, finding.change)
    if finding.low is None or finding.high is None:
        return text
    kind = GATED[finding.metric]
    unit = unit_of(kind) if kind.compare == "difference" else "%"
    low, high = (signed(finding.metric, bound).removesuffix(unit) for bound in (finding.low, finding.high))
    return f"{text} ({low} to {high})"


def value_of(metric: str, value: float | None) -> str:
    """Write a value with its unit; empty where it was not measured."""
    return "" if value is None else GATED[metric].format(value)
