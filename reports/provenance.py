"""Where the numbers come from: settings, hardware, versions; what differs between runs is listed in full."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bench.metrics import format_bytes
from bench.spec import RunSpec, WorkloadSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from bench.comparison import Comparison
    from bench.record import Environment

__all__ = ["devices", "provenance", "reproduce", "seeds", "settings", "subject", "task", "version"]

_ENVIRONMENT: dict[str, Callable[[Environment], Hashable]] = {
    "device": lambda where: where.device_name,
    "device memory": lambda where: where.device_memory_bytes and format_bytes(where.device_memory_bytes),
    "driver": lambda where: where.driver,
    "processor": lambda where: f"{where.host_cpu}, {where.num_cores} cores, {where.num_threads} threads",
    "memory": lambda where: format_bytes(where.host_memory_bytes),
    "platform": lambda where: where.platform,
    "python": lambda where: where.python,
    "versions": lambda where: ", ".join(f"{name} {number}" for name, number in where.versions.items()),
    "commit": lambda where: where.git_commit and where.git_commit[:12] + (" with changes" if where.git_dirty else ""),
    "assets (SHA-256)": lambda where: ", ".join(f"{name} {digest}" for name, digest in where.assets.items()),
}

_MOST_SEEDS = 12


def subject(comparison: Comparison) -> str:
    """What was trained on what."""
    workloads = [record.spec.workload for record in comparison.records]
    return _distinct(f"{workload.model} on {workload.dataset}" for workload in workloads) or "no runs"


def task(comparison: Comparison) -> str:
    """What was learnt, on how many rows: "2 classes, 512 rows to train on, 256 to evaluate"; empty if nothing was."""
    measured = next((record.measured for record in comparison.records if record.measured), None)
    if measured is None:
        return ""
    rows = f"{measured.num_train_rows:,} rows to train on, {measured.evaluation.num_samples:,} to evaluate"
    return f"{measured.num_labels} classes, {rows}"


def devices(comparison: Comparison) -> str:
    """The devices by name; where no run knew it, as they were asked for."""
    names = _distinct(where.device_name for where in _environments(comparison))
    return names or _distinct(record.spec.device for record in comparison.records)


def seeds(comparison: Comparison) -> str:
    """The seeds, counted: "3 seeds (0, 1, 2)", or from the first to the last where they are many."""
    known = sorted({record.spec.seed for record in comparison.records})
    few = len(known) <= _MOST_SEEDS
    which = ", ".join(map(str, known)) if few else f"{known[0]} to {known[-1]}"
    return f"{len(known)} seed{'s' if len(known) != 1 else ''} ({which})"


def version(comparison: Comparison) -> str:
    """The version of `bench` that measured."""
    return _distinct(where.versions.get("finetune-bench") for where in _environments(comparison))


def settings(comparison: Comparison) -> dict[str, str]:
    """What was asked of every run, by the name of the option; what was left to its default of None is left out."""
    specs = [record.spec for record in comparison.records]
    asked = [spec.workload.model_dump() | spec.model_dump(exclude={"strategy", "workload", "seed"}) for spec in specs]
    shown = {name: _distinct(each[name] for each in asked) for each in asked[:1] for name in each}
    return {name: text for name, text in shown.items() if text}


def reproduce(comparison: Comparison) -> str:
    """The command that asks for these runs, from their records alone; empty where no one command would."""
    specs = [record.spec for record in comparison.records]
    if not specs or comparison.mismatches:
        return ""
    asked = specs[0].workload.model_dump() | specs[0].model_dump(exclude={"strategy", "workload", "seed"})
    usual = WorkloadSpec().model_dump() | RunSpec(strategy=()).model_dump(exclude={"strategy", "workload", "seed"})
    options = {"strategies": ",".join(row.strategy for row in comparison.rows), "seeds": 1 + max(s.seed for s in specs)}
    options |= {
        name: value for name, value in asked.items() if value != usual[name] or name in {"model", "dataset", "device"}
    }
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", _option(value))]
    return shlex.join(["python", "-m", "bench", "compare", *words])


def _option(value: object) -> str:
    return "all" if value is None else str(value)


def provenance(comparison: Comparison) -> dict[str, str]:
    """Hardware, software and the digest of the data."""
    where = _environments(comparison)
    shown = {name: _distinct(read(each) for each in where) for name, read in _ENVIRONMENT.items()}
    shown["data digest"] = _distinct(record.measured.data_digest for record in comparison.records if record.measured)
    shown["records"] = _distinct(f"schema {record.schema_version}" for record in comparison.records)
    return {name: text for name, text in shown.items() if text}


def _environments(comparison: Comparison) -> list[Environment]:
    return [record.environment for record in comparison.records if record.environment]


def _distinct(values: Iterable[Hashable]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in dict.fromkeys(values) if value not in (None, "")))
