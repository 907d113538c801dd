"""Reads files of pytest-benchmark; whatever is wrong with one becomes a sentence that names the field."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from bench.errors import UsageError
from bench.files import read_bytes
from bench.inert import inert, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["MACHINE_KEY", "MEMORY_KEY", "TRAINING_MEMORY_KEY", "BenchmarkFile", "Sample", "read_file", "refuse_copies"]

MEMORY_KEY = "peak_memory_bytes"
"""Key in `extra_info`: the peak of the process, where the benchmark measured it."""

TRAINING_MEMORY_KEY = "training_memory_bytes"
"""Key in `extra_info`, preferred to that: the peak of training alone, as `benchmark_strategy` measures it."""

MACHINE_KEY = "bench"
"""Key in `machine_info`: the GPU and its driver, where a plugin added them; compared as a whole."""

_NO_JSON = "the file is no whole JSON of pytest-benchmark"
_SECONDS = (1e-9, 1e9)
_BYTES = (1, 2**60)
"""The smallest and largest plausible values."""


class _Part(BaseModel):
    """The fields that are read of a part of the file; others are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Processor(_Part):
    brand_raw: str | None = None
    brand: str | None = None
    """The processor, as old versions write it."""
    count: int | None = None


class _Machine(_Part):
    cpu: _Processor = _Processor()
    machine: str | None = None
    system: str | None = None
    bench: Any = None


class _Commit(_Part):
    id: str | None = None


def _named(name: str) -> str:
    # Not a constraint of the field: pydantic would refuse a name with a lone surrogate.
    if not name.strip():
        raise ValueError("it is empty")
    return name


class _Benchmark(_Part):
    fullname: Annotated[str, AfterValidator(_named)]
    stats: Any = None
    extra_info: Any = None


class _Document(_Part):
    datetime: str
    benchmarks: list[_Benchmark]
    machine_info: _Machine | None = None
    commit_info: _Commit | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One benchmark in one process: its numbers, or why there are none."""

    median: float = math.nan
    """Seconds."""
    mean: float = math.nan
    """Seconds."""
    fault: str | None = None
    peak_bytes: float | None = None
    peak_name: str = MEMORY_KEY
    """The field it was read from: peaks of different fields are not compared."""
    peak_fault: str | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkFile:
    """The content of one file."""

    name: str
    fault: str | None = None
    """Why it has no measurements."""
    recorded: datetime | None = None
    commit: str | None = None
    machine: dict[str, str] = field(default_factory=dict)
    benchmarks: dict[str, Sample] = field(default_factory=dict)
    """Samples by full name of the benchmark."""


def read_file(path: Path) -> BenchmarkFile:
    """Read a file; one without measurements gets a fault and no error, since that is a result, not a mistake of the user.

    Raises:
        UsageError: it cannot be opened.

    """
    content, name = _content(path), inert(path.name)
    if not content.strip():
        return BenchmarkFile(name, "the file is empty: no benchmark ran, they were disabled or all failed")
    try:
        written = _Document.model_validate(json.loads(content))
        recorded = _when(written.datetime)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        return BenchmarkFile(name, f"{_NO_JSON}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}")
    except (ValueError, RecursionError, OverflowError) as error:
        return BenchmarkFile(name, f"{_NO_JSON}: {inert(str(error))[:200]}")
    if not written.benchmarks:
        return BenchmarkFile(name, "the file holds no benchmark")
    samples = {inert(one.fullname): _sample(one) for one in written.benchmarks}
    counts = Counter(inert(one.fullname) for one in written.benchmarks)
    samples |= {name: Sample(fault="it stands there twice") for name, count in counts.items() if count > 1}
    commit = written.commit_info.id if written.commit_info else None
    return BenchmarkFile(name, None, recorded, commit, _machine(written.machine_info or _Machine()), samples)


def refuse_copies(paths: Sequence[Path]) -> None:
    """Refuse a measurement that is given twice, since it is one process only.

    Raises:
        UsageError: there is one, or a file cannot be opened.

    """
    seen: dict[str, Path] = {}
    for path in paths:
        content = _content(path)
        digest = sha256(content).hexdigest()
        if content.strip() and digest in seen:
            raise UsageError(f"{seen[digest]} and {path} are the same measurement; give every process once")
        seen[digest] = path


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; name files written by pytest --benchmark-json, which writes none where no "
            "benchmark ran: disabled, crashed or not selected"
        ) from error


def _when(written: str) -> datetime:
    """Parse a time; those of old versions without a zone are taken for UTC, since only their order matters."""
    try:
        read = datetime.fromisoformat(written)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"datetime is {shown(written)}, which is no time") from error


def _machine(info: _Machine) -> dict[str, str]:
    """Return what must be equal for comparing times; versions of software may be what is compared."""
    parts = {
        "processor": info.cpu.brand_raw or info.cpu.brand,
        "number of cores": info.cpu.count,
        "architecture": info.machine,
        "system": info.system,
        "device": info.bench,
    }
    return {name: inert(str(value)) for name, value in parts.items() if value is not None}


def _sample(one: _Benchmark) -> Sample:
    stats = one.stats if isinstance(one.stats, dict) else {}
    for key in ("median", "mean"):
        if _number(stats.get(key), _SECONDS) is None:
            return Sample(
                fault=f"it has {shown(stats.get(key))} as its {key} (stats.{key}), which is no time that was measured"
            )
    peak, fault = None, None
    written = one.extra_info if isinstance(one.extra_info, dict) else {}
    if one.extra_info is not None and not isinstance(one.extra_info, dict):
        fault = f"extra_info is {shown(one.extra_info)}, which is no table"
    name = next((key for key in (TRAINING_MEMORY_KEY, MEMORY_KEY) if written.get(key) is not None), None)
    if name and not fault:
        peak = _number(written[name], _BYTES)
        if peak is None:
            fault = f"extra_info.{name} is {shown(written[name])}, which is no number of bytes above zero"
    return Sample(float(stats["median"]), float(stats["mean"]), None, peak, name or MEMORY_KEY, fault)


def _number(value: object, limits: tuple[float, float]) -> float | None:
    """Return a number within limits, else None. A whole number may be too long for a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not limits[0] <= value <= limits[1]:
        return None
    return float(value)
