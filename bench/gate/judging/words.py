"""Changes in words, the same in every output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.gate.judging.judgement import GATED

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Finding
    from bench.gate.judging.sequential import Look

__all__ = ["change_of", "faster_or_slower", "percent", "signed", "value_of"]

_MUCH = 10
"""From here on a factor is read more easily than a percentage."""


def percent(share: float) -> str:
    """Write a share that has no sign: "4.2 %"."""
    return f"more than a factor of {_MUCH}" if share > _MUCH else f"{share * 100:.1f} %"


def signed(metric: str, change: float) -> str:
    """Write a change with its sign: "+4.2 %", or "-0.5 points" for a share that is subtracted."""
    kind = GATED[metric]
    if kind.compare == "difference" and kind.unit != "share":
        return f"{change:+z.3f} {kind.unit}"
    text = f"{change * 100:+z.1f}" if change <= _MUCH else f"over +{_MUCH * 100}"
    return f"{text} {'points' if kind.compare == 'difference' else '%'}"


def faster_or_slower(look: Look) -> str:
    """Write what a look at logarithms of step times shows."""
    low, high = (signed("step_seconds_median", math.expm1(min(bound, 700.0))) for bound in (look.low, look.high))
    word = "slower" if look.estimate > 0 else "faster"
    return f"{percent(abs(math.expm1(min(look.estimate, 700.0))))} {word} ({low} to {high})"


def change_of(finding: Finding) -> str:
    """Write change and bounds of a finding: "+8.1 % (+5.2 to +11.0)"; empty where nothing was measured."""
    if finding.change is None:
        return ""
    text = signed(finding.metric, finding.change)
    if finding.low is None or finding.high is None:
        return text
    low, high = (signed(finding.metric, bound).rpartition(" ")[0] for bound in (finding.low, finding.high))
    return f"{text} ({low} to {high})"


def value_of(metric: str, value: float | None) -> str:
    """Write a value with its unit; empty where it was not measured."""
    return "" if value is None else GATED[metric].format(value)
