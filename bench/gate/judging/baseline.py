"""A baseline: one side recorded in a file, to compare later versions with and to estimate a machine's noise.

It is recorded as the gate measures, but with one side taking turns with itself, so that the
differences of its pairs are noise. The same file serves as the calibration of a machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from bench.errors import UsageError
from bench.experiment.bounds import Elapsed, Frozen, Loss, Positive, Seed, Share
from bench.files import read_bytes, replace_file
from bench.gate.judging.judgement import Side

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "KIND",
    "OF_FILES",
    "Baseline",
    "Pair",
    "Process",
    "Recorded",
    "is_baseline",
    "read_baseline",
    "write_baseline",
]

KIND = "bench baseline"
OF_FILES = "pytest-benchmark"
"""The key in the work of a baseline made of files of pytest-benchmark, whose benchmarks stand for strategies."""


class _Value(Frozen):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Process(_Value):
    """One run: the numbers that are judged."""

    step_seconds_median: Elapsed
    step_seconds_mean: Elapsed
    training_memory_bytes: Positive | None = None
    peak_memory_bytes: Positive | None = None
    """Only in files of schema 1: the peak of the whole process on a CPU, and so not compared."""
    accuracy: Share | None = None
    """A share; None where the benchmark has none."""
    losses: tuple[Loss, ...] = ()
    """Losses of the first steps; empty for a benchmark that trains nothing."""


class Pair(_Value):
    """Two processes that took turns, with the same seed."""

    seed: Seed
    processes: tuple[Process, Process]


class Recorded(_Value):
    """The pairs of one strategy."""

    is_half_precision: bool
    data_digest: str | None
    """Digest of the rows that were trained and evaluated on."""
    pairs: tuple[Pair, ...] = Field(min_length=2)

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes of all pairs."""
        return tuple(process for pair in self.pairs for process in pair.processes)


class Baseline(_Value):
    """One side, recorded once on one machine."""

    kind: Literal["bench baseline"] = "bench baseline"
    schema_version: Literal[1, 2] = 2
    recorded: AwareDatetime
    side: Side
    is_changed: bool = False
    """Whether files of it differed from its commit."""
    work: dict[str, str | int | float | None]
    """The settings of the runs; "tiny" stands for the gate's own model and data, by the version of their layout."""
    strategies: dict[str, Recorded]
    """The strategies by name."""

    @property
    def is_of_files(self) -> bool:
        """Whether it was made of files of pytest-benchmark, and its steps are rounds."""
        return OF_FILES in self.work


def is_baseline(path: Path) -> bool:
    """Whether a file can be read and declares itself a baseline."""
    try:
        return KIND.encode() in read_bytes(path)[:200]
    except OSError:
        return False


def read_baseline(path: Path) -> Baseline:
    """Read a file written by `bench baseline save`.

    Raises:
        UsageError: it cannot be read, or is of another version.

    """
    try:
        baseline = Baseline.model_validate_json(read_bytes(path), strict=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file written by `bench baseline save`") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path} is no baseline of schema 1 or 2: {where}: {first['msg']}; record it again") from error
    if not baseline.strategies:
        raise UsageError(f"{path} holds no strategy; record it again")
    return baseline


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a file that people can read too.

    Raises:
        UsageError: it cannot be written.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, baseline.model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file that can be written") from error
