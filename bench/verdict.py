"""What a comparison allows to be said, in words computed from its intervals; nowhere else are verdicts made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.comparison import Row
    from bench.record import Status
    from bench.stats import Interval

__all__ = ["ENDINGS", "bounds", "change", "headline", "sentences", "winners"]

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

_TIMES = "\N{MULTIPLICATION SIGN}"
_MINUS = "\N{MINUS SIGN}"


def change(metric: str, value: float) -> str:
    """Write a value against the reference: "2.10x" for a ratio, "+1.2 points" for a share, else signed."""
    return _number(metric, value) + {"ratio": _TIMES, "difference": _unit(metric), "none": ""}[METRICS[metric].compare]


def bounds(metric: str, interval: Interval | None, *, scope: bool = True) -> str:
    """Write the bounds of an interval: "1.98 to 2.22, this run only"; empty where there are none to tell apart."""
    if interval is None or interval.bounds is None:
        return ""
    low, high = (_bound(metric, bound) for bound in interval.bounds)
    if low == high:
        return ""
    return f"{low} to {high}{', this run only' if scope and interval.this_run_only else ''}"


def winners(rows: Iterable[Row], speed: Callable[[Row, Row], Interval | None]) -> tuple[Row, ...]:
    """The fastest of those that are faster than the reference without a detected loss of accuracy.

    None may fall short of the majority class. Several are returned, the fastest first, where
    no difference in speed between it and the others is detected.
    """
    able = [
        row
        for row in rows
        if _side(row, "samples_per_second") == 1 and _side(row, "accuracy") in {0, 1} and row.beats_majority
    ]
    able.sort(key=lambda row: -_relative(row, "samples_per_second").estimate)
    return tuple(row for row in able if row is able[0] or _tied(speed(able[0], row)))


def headline(rows: Sequence[Row], fastest: Sequence[Row]) -> str:
    """The one sentence on top."""
    done = [row for row in rows if row.status == "ok"]
    base = next((row for row in rows if row.is_reference), None)
    if not rows:
        return "No run was recorded."
    if not done or base is None:
        return f"No run finished: {_listed(f'{row.strategy} {ENDINGS[row.status]}' for row in rows)}."
    if base.status != "ok":
        return f"Nothing can be compared: the reference {base.strategy} {ENDINGS[base.status]}."
    others = [row for row in done if row is not base]
    if not others:
        return f"Only {base.strategy} finished, so there is nothing to compare it with."
    if all(row.beats_majority is False for row in done):
        return (
            f"No winner: no strategy is shown to beat the majority class ({base.majority_accuracy:.1%}). "
            "Train longer or evaluate on more rows."
        )
    return _winner(fastest, base) or _trade(others, base) or _draw(others, base)


def sentences(rows: Iterable[Row]) -> tuple[str, ...]:
    """One sentence for every strategy but the reference, in the order of the rows."""
    rows = tuple(rows)
    base = next((row for row in rows if row.is_reference), None)
    spoken = []
    for row in rows:
        bad = [record for record in row.records if record.status != "ok"]
        if bad:
            share = f" for {len(bad)} of {len(row.records)} seeds" if row.finished else ""
            why = f": {' '.join(row.reason.split())}" if row.reason else ""
            spoken.append(f"{row.strategy} {ENDINGS[bad[0].status]}{share}{why.rstrip('.')}.")
        if row.finished and base is not None and row is not base and base.status == "ok":
            parts = [_speed(row, base), _memory(row), _accuracy(row)]
            spoken.append(f"{row.strategy} {', '.join(part for part in parts if part)}.")
    return tuple(spoken)


def _winner(fastest: Sequence[Row], base: Row) -> str:
    if not fastest:
        return ""
    speeds = _listed(_factor(row, "samples_per_second") for row in fastest)
    verb = "is" if len(fastest) == 1 else "are"
    said = f"{_listed(row.strategy for row in fastest)} {verb} the fastest without a detected loss of accuracy: "
    said += f"{speeds} as fast as {base.strategy}"
    if len(fastest) > 1:
        return f"{said}, with no difference in speed detected between them."
    return f"{said}{_within('samples_per_second', fastest[0].relative['samples_per_second'])}."


def _trade(others: Sequence[Row], base: Row) -> str:
    """Say who gains accuracy, or what the speed of the fastest costs."""
    better = [row for row in others if _side(row, "accuracy") == 1 and row.beats_majority]
    if better:
        gains = _listed(_factor(row, "accuracy") for row in better)
        verb = "is" if len(better) == 1 else "are"
        return f"{_listed(row.strategy for row in better)} {verb} more accurate than {base.strategy}: {gains}."
    faster = [row for row in others if _side(row, "samples_per_second") == 1]
    if not faster:
        return ""
    row = max(faster, key=lambda row: _relative(row, "samples_per_second").estimate)
    cost = (
        "is not shown to beat the majority class"
        if row.beats_majority is False
        else f"loses accuracy: {_factor(row, 'accuracy')}"
        if _side(row, "accuracy") == -1
        else "its accuracy cannot be compared"
    )
    return f"{row.strategy} is {_factor(row, 'samples_per_second')} as fast as {base.strategy}, but {cost}."


def _draw(others: Sequence[Row], base: Row) -> str:
    speeds = {_side(row, "samples_per_second") for row in others}
    if speeds == {None}:
        return (
            "Not enough data for a verdict: too few steps and seeds to bound a difference in speed. Run more of either."
        )
    if speeds == {-1}:
        return f"{base.strategy} is the fastest, and no strategy is detectably more accurate."
    if speeds == {0} and {_side(row, "accuracy") for row in others} == {0}:
        names = _listed(row.strategy for row in others)
        return f"No difference detected in speed or accuracy between {base.strategy} and {names}."
    return f"No strategy is detectably faster or more accurate than {base.strategy}."


def _speed(row: Row, base: Row) -> str:
    interval = row.relative["samples_per_second"]
    if interval is None:
        return f"shares no seed with {base.strategy}"
    if interval.side(1) is None:
        return f"ran {change('samples_per_second', interval.estimate)} as fast as {base.strategy} (no interval)"
    if interval.side(1) == 0:
        return f"shows no difference in speed from {base.strategy} ({_both('samples_per_second', interval)})"
    told = change("samples_per_second", interval.estimate)
    return f"is {told} as fast as {base.strategy}{_within('samples_per_second', interval)}"


def _memory(row: Row) -> str:
    interval = row.relative["peak_memory_bytes"]
    if interval is None:
        return ""
    told = f"uses {change('peak_memory_bytes', interval.estimate)} the memory"
    return told + _within("peak_memory_bytes", interval)


def _accuracy(row: Row) -> str:
    interval = row.relative["accuracy"]
    if interval is None:
        return ""
    if interval.side(0) == 0:
        return f"no difference in accuracy detected ({_both('accuracy', interval)})"
    told = f"accuracy {change('accuracy', interval.estimate)}"
    return told + (_within("accuracy", interval) if interval.bounds else " (no interval)")


def _both(metric: str, interval: Interval) -> str:
    return ", ".join(part for part in (change(metric, interval.estimate), bounds(metric, interval)) if part)


def _within(metric: str, interval: Interval | None) -> str:
    text = bounds(metric, interval)
    return text and f" ({text})"


def _factor(row: Row, metric: str) -> str:
    return change(metric, _relative(row, metric).estimate)


def _relative(row: Row, metric: str) -> Interval:
    interval = row.relative[metric]
    assert interval is not None, "asked only of rows whose side is known"
    return interval


def _side(row: Row, metric: str) -> int | None:
    interval = row.relative[metric]
    return None if interval is None else interval.side(1 if METRICS[metric].compare == "ratio" else 0)


def _tied(speed: Interval | None) -> bool:
    return speed is None or speed.side(1) != 1


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
    text = _number(metric, value)
    return f"{value:.4f}" if text == "1.00" and value != 1 else text


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
