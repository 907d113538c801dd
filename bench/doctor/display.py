"""Shows a diagnosis on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bench.doctor.checks import MOMENT_SECONDS, TOLERANCE
from bench.records.metrics import format_flops, format_seconds

if TYPE_CHECKING:
    from bench.doctor.examine import Diagnosis
    from bench.forecasting.cards import Card

__all__ = ["diagnosis_table", "noise_in_words", "speed_in_words"]

_VERDICTS = {True: ("pass", "green"), False: ("FAIL", "bold red"), None: ("not on this machine", "dim")}


def diagnosis_table(diagnosis: Diagnosis) -> Table:
    """Return a table of every instrument with the known value and the measured one."""
    table = Table(
        "instrument",
        box=None,
        caption=f"An error above {TOLERANCE:.0%} is too much; of billed time, one above {format_seconds(MOMENT_SECONDS)} too.",
        caption_justify="left",
    )
    for column in ("known", "measured", "error"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict")
    for check in diagnosis.checks:
        measured = "" if check.measured is None else check.format(check.measured)
        error = "" if check.error is None else f"{check.error:.1%}"
        words, style = _VERDICTS[check.passes]
        table.add_row(check.instrument, check.format(check.expected), measured, error, Text(words, style=style))
    return table


def noise_in_words(diagnosis: Diagnosis) -> str:
    """Describe how far two equal strategies were apart, and what difference would have been detected."""
    noise = diagnosis.noise
    between = "" if noise.bounds is None else f" ({noise.bounds[0]:.3f} to {noise.bounds[1]:.3f}, {noise.method})"
    floor = (
        ""
        if diagnosis.detectable is None
        else f"; as many runs detect a difference of {diagnosis.detectable:.1%} or more"
    )
    return f"Two equal strategies: step times differ by a factor of {noise.estimate:.3f}{between}{floor}. This is noise, not error."


def speed_in_words(card: Card) -> str:
    """Say how fast this machine is, as a forecast for it reckons."""
    rates = [
        f"matmuls in {kind} at {format_flops(rate.low)}/s to {format_flops(rate.high)}/s"
        for kind, rate in card.speed.flops_per_second.items()
    ]
    low, high = card.speed.bytes_per_second
    return f"By bench forecast --device here this machine does {', '.join(rates)}, and moves {low / 1e9:,.3g} to {high / 1e9:,.3g} GB/s."
