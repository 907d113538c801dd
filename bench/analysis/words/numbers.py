"""Numbers in words: one style in the terminal, in Markdown, on pages and in the gate. A function is handed the Metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.analysis.intervals import Interval
    from bench.records.metrics import Metric
    from bench.records.record import Status

__all__ = [
    "ENDINGS",
    "MINUS",
    "NOT_MEASURED",
    "bounds",
    "change",
    "group",
    "in_range",
    "listed",
    "margin",
    "measured",
    "percent",
    "percent_change",
    "processes",
    "unit_of",
    "with_bounds",
    "within",
]

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

MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_MUCH = 10
"""From here on a factor is read more easily than a percentage."""


def measured(metric: Metric, value: float | None) -> str:
    """Write a value with its unit; a dash where it was not measured."""
    return NOT_MEASURED if value is None else metric.format(value)


def percent(share: float | None) -> str:
    """Write a share, or how far a ratio is from one: "4.2%"; a dash where there is none."""
    if share is None:
        return NOT_MEASURED
    return f"more than a factor of {_MUCH}" if share > _MUCH else f"{share:.1%}"


def percent_change(share: float) -> str:
    """Write the change of a ratio, signed: "+4.2%"."""
    return f"over +{_MUCH:.0%}" if share > _MUCH else f"{_signed(f'{abs(share):.1%}', share)}"


def processes(num: int | None) -> str:
    """Write how many processes share each run: "2 processes a run"; empty where it has one of its own."""
    return "" if num in (None, 1) else f"{num} processes a run"


def change(metric: Metric, value: float, *, is_told: bool = False) -> str:
    """Write a value against the reference: "2.10x" for a ratio, "+1.2 points" for a share, else signed with its unit.

    One that `is_told` from no change is not rounded to it.
    """
    return (_bound if is_told else _number)(metric, value) + unit_of(metric)


def bounds(metric: Metric, interval: Interval | None, *, scope: bool = True) -> str:
    """Write the bounds of an interval: "1.98 to 2.22, this run only"; empty where there are none to tell apart."""
    if interval is None or interval.bounds is None:
        return ""
    low, high = (_bound(metric, bound) for bound in interval.bounds)
    if low == high:
        return ""
    return f"{low} to {high}{', this run only' if scope and interval.this_run_only else ''}"


def within(metric: Metric, interval: Interval | None) -> str:
    """Write the bounds in brackets, to follow what they bound; empty where there are none."""
    text = bounds(metric, interval)
    return text and f" ({text})"


def with_bounds(metric: Metric, interval: Interval) -> str:
    """Write estimate and bounds: "-0.2 points, -1.1 to +0.7"."""
    return ", ".join(part for part in (change(metric, interval.estimate), bounds(metric, interval)) if part)


def in_range(metric: Metric, interval: Interval | None) -> str:
    """Write a value between its bounds: "86.1% (84.9% to 87.2%, this run only)"; a dash where it was not measured."""
    if interval is None:
        return NOT_MEASURED
    said = metric.format(interval.estimate)
    if interval.bounds is None:
        return f"{said} (one run, no interval)"
    low, high = map(metric.format, interval.bounds)
    return f"{said} ({low} to {high}{', this run only' if interval.this_run_only else ''})"


def margin(metric: Metric, value: float) -> str:
    """Write the size of a difference: a share of the reference for a ratio, else in the metric's unit."""
    if metric.compare == "ratio":
        return percent(value) if value < 1 else f"a factor of {1 + value:.3g}"
    return f"{_size(metric, value)}{unit_of(metric)}"


def unit_of(metric: Metric) -> str:
    """What follows a comparison in this metric; empty where the number has its unit already."""
    if metric.compare == "ratio":
        return _TIMES
    if metric.unit == "share":
        return " points"
    return f" {metric.unit}" if metric.format(1.0).replace(".", "").isdecimal() else ""


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


def _signed(size: str, value: float) -> str:
    """Put a sign before a size; what is rounded to nothing has a plus."""
    return f"{MINUS if value < 0 and _read(size) else '+'}{size}"


def _size(metric: Metric, value: float) -> str:
    return f"{abs(value) * 100:.1f}" if metric.unit == "share" else metric.format(abs(value))


def _number(metric: Metric, value: float) -> str:
    if metric.compare == "ratio":
        few = f"{value:.2f}" if 0.1 <= value < 10 else f"{value:.3g}"  # noqa: PLR2004  (three digits)
        return few if "e+" not in few else f"{value:,.0f}"
    return _signed(_size(metric, value), value)


def _bound(metric: Metric, value: float) -> str:
    """Write a bound, with more digits where rounding would move it onto "no change"."""
    same = 1.0 if metric.compare == "ratio" else 0.0
    text = _number(metric, value)
    if value == same or _read(text) != same:
        return text
    scale = 100 if metric.unit == "share" else 1
    written = (f"{value:.{num}f}" if same else f"{abs(value) * scale:.{num}f}" for num in range(3 + bool(same), 12))
    more = next((size for size in written if float(size) != same), None)
    return text if more is None else more if same else _signed(more, value)


def _read(text: str) -> float:
    """The size of a number that was written, whatever its sign and unit."""
    return float("".join(char for char in text.partition(" ")[0] if char.isdecimal() or char == ".") or "nan")
