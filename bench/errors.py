"""Everything that `bench` raises on purpose, as one tree.

BenchError                 a sentence for the user: what, where, what to do
├── UsageError             the request itself is wrong; exit code 2, before any training
│   ├── UnknownName        a strategy, model, data set or option that does not exist
│   ├── PlanConflict       two strategies set the same field of the plan to different values
│   ├── ModelError         a model that cannot be loaded or whose parts cannot be placed
│   ├── DataError          a data set that cannot be read, or whose labels make no sense
│   └── AssetError         a packaged model or data set that cannot be fetched or verified
├── Unsupported            this machine cannot do what the plan asks; the run is skipped
│   └── NotForecast        what it takes cannot be told before it runs, which it may all the same
├── Diverged               the loss stopped being a number
└── RecordError            a results file that cannot be read
    └── OtherVersion       one that another version of bench wrote, and can read
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AssetError",
    "BenchError",
    "DataError",
    "Diverged",
    "ExitCode",
    "ModelError",
    "NotForecast",
    "OtherVersion",
    "PlanConflict",
    "RecordError",
    "UnknownName",
    "Unsupported",
    "UsageError",
    "first_line",
]


class ExitCode(IntEnum):
    """What a command of `bench` ends with."""

    OK = 0
    FAILED = 1
    """A run failed, results cannot be written, or the gate found a regression."""
    USAGE = 2
    """The request is wrong, or the runs cannot be compared."""
    INCONCLUSIVE = 3
    """With --strict: noise leaves a rule open, or a machine is too noisy for a margin."""
    NOT_MEASURED = 4
    """The gate could not measure or compare something, or failed itself."""
    CRASHED = 5
    """The side that the gate judges crashed."""
    INTERRUPTED = 130
    """By Ctrl-C, as shells number it."""


class BenchError(Exception):
    """The base of every error that `bench` raises on purpose."""


class UsageError(BenchError):
    """The request cannot be carried out as it stands."""


class UnknownName(UsageError):
    """A name that nothing is registered under, with the known ones and the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        """Compose the sentence for a `kind` ("strategy", "option of freeze") called `name`."""
        names = sorted(known)
        # Too short to be close to anything: `r` for rank.
        nearest = get_close_matches(name, names, n=1, cutoff=0.6) or [it for it in names if name.startswith(it)][:1]
        guess = f" Did you mean {nearest[0]}?" if nearest else ""
        listing = f" Known: {', '.join(names)}." if names else f" There is no {kind}."
        super().__init__(f"unknown {kind} {name!r}.{guess}{listing}{' ' + hint if hint else ''}")


class PlanConflict(UsageError):
    """Two strategies of one composition set the same field to different values."""


class ModelError(UsageError):
    """A model that cannot be loaded, or whose embeddings, layers and head cannot be placed."""


class DataError(UsageError):
    """A data set that cannot be read, or whose columns or labels make no sense."""


class AssetError(UsageError):
    """A packaged model or data set that cannot be fetched, verified or unpacked."""


class Unsupported(BenchError):
    """This machine cannot do what the plan asks for; the run is skipped, with this reason."""


class NotForecast(Unsupported):
    """What a run takes cannot be told before it runs, which it may all the same."""


class Diverged(BenchError):
    """The loss or the logits stopped being finite."""


class RecordError(BenchError):
    """A results file that cannot be read as a record."""


class OtherVersion(RecordError):
    """A results file of another schema version: it is whole, and another version of bench reads it."""


def first_line(error: BaseException) -> str:
    """Give the first line of an error's text that says what is wrong, or its kind where there is none.

    The Hub's errors begin with a line on the request, and say what is wrong after an empty one.
    """
    paragraphs = str(error).strip().split("\n\n")
    told = paragraphs[-1] if re.match(r"\d{3} (Client|Server) Error", paragraphs[0]) else paragraphs[0]
    lines = told.strip().splitlines()
    return lines[0] if lines else type(error).__name__
