"""What a strategy may take and must reach, as the command line and Python write it: the budget of a recommendation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from bench.errors import UnknownName, UsageError
from bench.experiment.amounts import amount
from bench.inert import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUDGET", "Budget", "Maximize", "check_bound"]

Maximize = Literal["accuracy", "throughput", "time-to-accuracy"]
"""The highest score, the most rows in a second, or the least time until the score is reached that is asked for."""

_UNITS = {"max_memory": "bytes", "memory": "bytes", "max_time": "s", "min_accuracy": "share", "risk": "share"}
_BOUNDS: Mapping[str, tuple[float, float, str]] = {
    "max_memory": (2.0**20, 2.0**60, "1 MiB to 1 EiB, such as 20GiB"),
    "memory": (2.0**20, 2.0**60, "1 MiB to 1 EiB, such as 16GiB"),
    "max_time": (1e-3, 1e9, "1 ms to 30 years, such as 2h or 90min"),
    "min_accuracy": (0.0, 1.0, "a share such as 0.85, or 85%"),
    "risk": (1e-4, 0.5, "0.01% to 50%, such as 5%"),
}
_SAMPLES = (1, 10**12)

BUDGET = ("memory", "max_time", "min_accuracy", "maximize", "samples", "risk")
"""The settings that make a budget, in the order of `--help`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a strategy may take and must reach, and what is wanted most of those that keep to it."""

    memory: float | None = None
    """Bytes at the peak: of a card, or on a CPU of the process beyond what it held before the model."""
    max_time: float | None = None
    """Seconds of training."""
    min_accuracy: float | None = None
    """As a share; of another score where the comparison ranks by one."""
    maximize: Maximize = "accuracy"
    samples: int | None = None
    """Rows to train on, every epoch counted, that `max_time` is for; None is as many as were measured."""
    risk: float = 0.05
    """Of each strategy and bound: how often an interval lies wholly on one side of the bound and the truth on the other."""

    @property
    def has_bounds(self) -> bool:
        """Whether anything is bounded."""
        return any(bound is not None for bound in (self.memory, self.max_time, self.min_accuracy))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Budget | None:
        """Read a budget from settings by name, of which any may be missing or None; None where nothing was asked for.

        Raises:
            UsageError: a value is not one that it can have, or two do not go together.

        """
        told = {name: check_bound(name, value) for name in BUDGET if (value := given.get(name)) is not None}
        if told and told.keys() <= {"samples", "risk"}:
            name = min(told)
            raise UsageError(
                f"--{name} belongs to a budget: give --memory, --max-time, --min-accuracy or --maximize too"
            )
        budget = cls(**told)
        if budget.maximize == "time-to-accuracy":
            if budget.min_accuracy is None:
                raise UsageError("--maximize time-to-accuracy needs --min-accuracy, the accuracy to be reached")
            if budget.samples is not None:
                raise UsageError(
                    "--samples: training ends where --maximize time-to-accuracy is reached; leave one of them out"
                )
        if budget.samples is not None and budget.max_time is None:
            raise UsageError("--samples needs --max-time, the time that so many rows may take")
        return budget if told else None


def check_bound(name: str, value: object) -> Any:
    """Read one value of BUDGET, or of --max-memory: bytes, seconds, a share, a number of rows, or what is maximized.

    Raises:
        UsageError: it is none.

    """
    where = f"--{name.replace('_', '-')}"
    if name == "maximize":
        if value not in get_args(Maximize):
            raise UnknownName("value of --maximize", str(value), get_args(Maximize))
        return value
    if name == "samples":
        least, most = _SAMPLES
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise UsageError(f"{where}: give a number of rows from {least} to {most:,}, not {shown(value)}")
        return value
    low, high, advice = _BOUNDS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str) and not is_number:
        raise UsageError(f"{where}: give {advice}, not {shown(value)}")
    found = amount(format(value, ".12g") if is_number else str(value), _UNITS[name], where)
    if not low <= found <= high:
        raise UsageError(f"{where}: give {advice}, not {shown(value)}")
    return found
