"""What was forecast, as tables and sentences for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from bench.inert import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from bench.forecasting.cards import Card
    from bench.forecasting.fitting import Fitting
    from bench.forecasting.micro_batch import Measured
    from bench.forecasting.outlook import Outlook
    from bench.records.forecast import Forecast

__all__ = ["show", "show_fitting"]

_PARTS = (
    "strategy",
    "GiB: weights",
    "gradients",
    "optimizer",
    "activations",
    "temporary",
    "device adds",
    "TFLOP a step",
)
_UNKNOWN = "\N{EN DASH}"
_SMALLEST = "smallest card"


def show(found: Outlook, console: Console) -> None:
    """Print what each strategy takes, of what that is made up, what all come to, and what of it is unproven."""
    if found.rows:
        console.print(
            _table(("strategy", "trains", "peak GiB", found.card.name, _SMALLEST, "a run", "costs"), _verdicts(found))
        )
        console.print()
        console.print(_table(_PARTS, _parts(found)))
        console.print()
    refused = (f"{name}{' would be skipped' * (name in found.skipped)}: {why}" for name, why in found.refused.items())
    for told in (*refused, *_sentences(found)):
        console.print(line(told), soft_wrap=True)
    _show_doubts(found.rows.values(), console)


def _show_doubts(forecasts: Iterable[Forecast], console: Console) -> None:
    for doubt in dict.fromkeys(doubt for one in forecasts for doubt in one.unproven):
        console.print(line(f"unproven: {doubt}", "dim"), soft_wrap=True)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=not number or name == _SMALLEST)
    for row in rows:
        table.add_row(*map(line, row))
    return table


def _verdicts(found: Outlook) -> Iterable[tuple[str, ...]]:
    for name, one in found.rows.items():
        seconds, paid = (one.run_seconds, found.cost_of(name)) if name in found.runnable else (None, None)
        run = _UNKNOWN if seconds is None else _time(seconds)
        cost = _UNKNOWN if paid is None else _between(paid, _price(found))
        peak = _between(one.peak_bytes, _gib)
        smallest = found.smallest_card(name) or "none known"
        yield name, _count(one.num_trainable_params), peak, found.fit(name), smallest, run, cost


def _parts(found: Outlook) -> Iterable[tuple[str, ...]]:
    for name, one in found.rows.items():
        memory = one.memory
        held = (memory.weights_bytes, memory.gradients_bytes, memory.optimizer_bytes)
        sizes = (*held, memory.activations_bytes, memory.temporaries_bytes)
        added = _UNKNOWN if one.overhead_bytes is None else _between(one.overhead_bytes, _gib)
        flops = _UNKNOWN if one.step_flops is None else f"{one.step_flops / 1e12:,.3g}"
        yield name, *map(_gib, sizes), added, flops


def _sentences(found: Outlook) -> Iterable[str]:
    yield _of_card(found.card)
    if found.rows and found.num_processes > 1:
        what = "Time is" if found.price is None else "Time and price are"
        yield f"{what} not told where several processes share a run: how fast they hear of each other is not known."
    if found.seconds is None:
        return
    runs = found.num_seeds * len(found.runnable)
    cost = "" if found.cost is None else f", {_between(found.cost, _price(found))}"
    which = "" if len(found.runnable) == len(found.rows) else " of what fits or may fit"
    said = "The one run" if runs == 1 else f"All {runs} runs"
    yield f"{said}{which}{', one after the other' if runs > 1 else ''}: {_time(found.seconds)}{cost}."


def _of_card(card: Card) -> str:
    return f"{card.name}: {_gib(card.memory_bytes)} GiB that programs can use; {card.source}."


def _between(bounds: tuple[float, float], write: Callable[[float], str]) -> str:
    low, high = map(write, bounds)
    return low if low == high else f"{low} to {high}"


def _price(found: Outlook) -> Callable[[float], str]:
    assert found.price is not None  # where there is a cost
    return found.price.written


def _count(number: int) -> str:
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _time(bounds: tuple[float, float]) -> str:
    """Write times that are known so roughly with few digits, in the unit of the longer."""
    units = (("h", 3600), ("min", 60), ("s", 1))
    unit, size = next(((unit, size) for unit, size in units if bounds[1] >= 2 * size), units[-1])
    return f"{_between(bounds, lambda value: f'{value / size:.2g}' if value < 10 * size else f'{value / size:,.0f}')} {unit}"


def _gib(size: float) -> str:
    gib = size / 2**30
    return f"{gib:,.{2 if gib < 9.995 else 1 if gib < 99.95 else 0}f}"  # noqa: PLR2004  (three digits)


def show_fitting(found: Fitting, console: Console) -> None:
    """Print the largest micro-batch of each strategy, what it takes, what was measured, and what of that is unproven."""
    all_fit = all(one.num_rows for one in found.rows.values())
    if found.rows:
        columns = ["strategy", "micro-batch", "peak GiB", "one row more", f"passes for {found.batch_size}"]
        columns += [] if all_fit else [_SMALLEST]
        columns += ["measured", "GiB"] if found.measured else []
        console.print(_table(columns, _micro_batches(found, all_fit=all_fit)))
        console.print()
    told = [f"{name}: {why}" for name, why in found.refused.items()]
    told += [f"{name}: {one.why_none}" for name, one in found.measured.items() if one.why_none]
    told += [_of_card(found.card), "A micro-batch fits where its highest figure does."]
    told += [] if all_fit else ["Where not even one row fits, peak and smallest card are those of one row."]
    for one in told:
        console.print(line(one), soft_wrap=True)
    _show_doubts((one.forecast for one in found.rows.values()), console)


def _micro_batches(found: Fitting, *, all_fit: bool) -> Iterable[tuple[str, ...]]:
    for name, one in found.rows.items():
        size = f"{one.num_rows:,}{'' if one.beyond else ' or more'}" if one.num_rows else "does not fit"
        peak = _between(one.forecast.peak_bytes, _gib)
        beyond = _UNKNOWN if one.beyond is None else _between(one.beyond.peak_bytes, _gib)
        passes = _UNKNOWN if (num := one.num_passes(found.batch_size)) is None else str(num)
        card = () if all_fit else (_UNKNOWN if one.num_rows else one.smallest_card or "none known",)
        yield name, size, peak, beyond, passes, *card, *(_measured(found.measured[name]) if found.measured else ())


def _measured(one: Measured) -> tuple[str, str]:
    if one.num_rows is None or one.peak_bytes is None:
        return _UNKNOWN, _UNKNOWN
    return f"{one.num_rows:,}", _gib(one.peak_bytes)
