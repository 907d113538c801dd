"""Numbers of a comparison in words: the same in the terminal, in Markdown and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.analysis.intervals import Interval
    from bench.records.record import Status

__all__ = ["ENDINGS", "NOT_MEASURED", "bounds", "change", "group", "listed", "margin", "with_bounds", "within"]

ENDINGS: dict[Status, str] = {
    "ok": "finished",
    "oom": "ran out of memory",
    "diverged": "diverged",
    "failed": "failed",
    "timeout": "ran out of time",
    "killed": "was killed",
    "interrupted": "was interrupted",
    "skipped": "was skipped",
}

NOT_MEASURED = "\N{EN DASH}"
"""In place of a value; never zero."""

_TIMES = "\N{MULTIPLICATION SIGN}"
_MINUS = "\N{MINUS SIGN}"


def change(metric: str, value: float, *, is_told: bool = False) -> str:
    """Write a value against the reference: "2.10x" for a ratio, "+1.2 points" for a share, else signed.

    One that `is_told` from no change is not rounded to it.
    """
    return (_bound if is_told else _number)(metric, value) + {"ratio": _TIMES, "difference": _unit(metric), "none": ""}[
        METRICS[metric].compare
    ]


def bounds(metric: str, interval: Interval | None, *, scope: bool = True) -> str:
    """Write the bounds of an interval: "1.98 to 2.22, this run only"; empty where there are none to tell apart."""
    if interval is None or interval.bounds is None:
        return ""
    low, high = (_bound(metric, bound) for bound in interval.bounds)
    if low == high:
        return ""
    return f"{low} to {high}{', this run only' if scope and interval.this_run_only else ''}"


def within(metric: str, interval: Interval | None) -> str:
    """Write the bounds in brackets, to follow what they bound; empty where there are none."""
    text = bounds(metric, interval)
    return text and f" ({text})"


def with_bounds(metric: str, interval: Interval) -> str:
    """Write estimate and bounds: "-0.2 points, -1.1 to +0.7"."""
    return ", ".join(part for part in (change(metric, interval.estimate), bounds(metric, interval)) if part)


def margin(metric: str, value: float) -> str:
    """Write the size of a difference: a share of the reference for a ratio, else in the metric's unit."""
    kind = METRICS[metric]
    if kind.compare == "ratio":
        return f"{value:.1%}" if value < 1 else f"a factor of {1 + value:.3g}"
    return f"{value * 100:.1f} points" if kind.unit == "share" else f"{value:.3f}{_unit(metric)}"


def listed(words: Iterable[str], *, most: int = 6) -> str:
    """Write "a, b and c", and "a, b and 7 others" where there are more than `most`; there is at least one."""
    *others, last = words
    if len(others) >= most:
        others, last = others[: most - 1], f"{len(others) + 2 - most} others"
    return f"{', '.join(others)} and {last}" if others else last


def group(names: Iterable[str], *, most: int = 3) -> str:
    """Name strategies that are spoken of together: up to `most` of them, and the others counted."""
    names = list(names)
    if len(names) <= most:
        return listed(names)
    num = len(names) - most
    return f"{', '.join(names[:most])} and {num} other{'s' if num > 1 else ''}"


def _unit(metric: str) -> str:
    return " points" if METRICS[metric].unit == "share" else f" {METRICS[metric].unit}"


def _number(metric: str, value: float) -> str:
    kind = METRICS[metric]
    if kind.compare == "ratio":
        return f"{value:.2f}" if 0.1 <= value < 10 else f"{value:.3g}"  # noqa: PLR2004  (three digits)
    text = f"{value * 100:+.1f}" if kind.unit == "share" else f"{value:+.3f}"
    return text.replace("-", _MINUS)


def _bound(metric: str, value: float) -> str:
    """Write a bound, with more digits where rounding would move it onto "no change"."""
    same = 1.0 if METRICS[metric].compare == "ratio" else 0.0
    text = _number(metric, value)
    if float(text.replace(_MINUS, "-")) != same or value == same:
        return text
    scale = 100 if METRICS[metric].unit == "share" else 1
    written = (f"{value:.{num}f}" if same else f"{value * scale:+.{num}f}" for num in range(3 + bool(same), 12))
    return next((more for more in written if float(more) != same), text).replace("-", _MINUS)
