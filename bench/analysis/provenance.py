"""Where the numbers come from: settings, hardware, versions; what differs between runs is listed in full."""

from __future__ import annotations

import itertools
import shlex
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.analysis.way_times import in_words
from bench.analysis.words.numbers import processes
from bench.experiment.bounds import MAX_SEEDS
from bench.experiment.spec import RunSpec
from bench.records.comparability import MICRO_BATCH, WAY, asked
from bench.records.metrics import format_bytes, format_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from bench.analysis.comparison import Comparison
    from bench.records.record import Environment

__all__ = [
    "devices",
    "provenance",
    "reproduce",
    "seeds",
    "setting",
    "settings",
    "shared",
    "subject",
    "task",
    "titles",
    "version",
]

_ENVIRONMENT: dict[str, Callable[[Environment], Hashable]] = {
    "device": lambda where: where.device_name,
    "device memory": lambda where: where.device_memory_bytes and format_bytes(where.device_memory_bytes),
    "driver": lambda where: where.driver,
    "processor": lambda where: (
        f"{where.host_cpu}, {_count(where.num_cores, 'core')}, {_count(where.num_threads, 'thread')}"
    ),
    "memory": lambda where: format_bytes(where.host_memory_bytes),
    "platform": lambda where: where.platform,
    "python": lambda where: where.python,
    "versions": lambda where: ", ".join(f"{name} {number}" for name, number in where.versions.items()),
    "commit": lambda where: where.git_commit and where.git_commit[:12] + (" with changes" if where.git_dirty else ""),
    "assets (SHA-256)": lambda where: ", ".join(f"{name} {digest}" for name, digest in where.assets.items()),
}

_SUBJECT = {"model", "dataset", "device"}
"""What stands in a title anyhow."""

_MOST_SEEDS = 12


def subject(comparison: Comparison) -> str:
    """What was trained on what."""
    return _distinct(f"{each['model']} on {each['dataset']}" for each in comparison.asked) or "no runs"


def titles(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What was trained on what in each of several comparisons, with the settings and devices in which they differ."""
    asked = [each.asked[0] if each.asked else {} for each in comparisons]
    names = dict.fromkeys(itertools.chain(*asked))
    telling = [name for name in names if name not in _SUBJECT and len({each.get(name) for each in asked}) > 1]
    where = [devices(each) for each in comparisons]
    return tuple(
        ", ".join(
            (
                subject(each),
                *(setting(name, known[name]) for name in telling if known.get(name) is not None),
                *([device] if device and len(set(where)) > 1 else []),
            )
        )
        for each, known, device in zip(comparisons, asked, where, strict=True)
    )


def setting(name: str, value: object) -> str:
    """Write a setting to tell runs apart by: "max length 64", "lr 1e-4", "2 processes a run"."""
    if name == "num_processes" and isinstance(value, int):
        return processes(value)
    return f"{name.replace('_', ' ')} {format_rate(value) if isinstance(value, float) else value}"


def task(comparison: Comparison) -> str:
    """What was learnt, on how many rows: "2 classes, 512 rows to train on, 256 to evaluate"; empty if nothing was."""
    measured = next((record.measured for record in comparison.records if record.measured), None)
    if measured is None:
        return ""
    rows = f"{measured.num_train_rows:,} rows to train on, {measured.evaluation.num_samples:,} to evaluate"
    return f"{measured.num_labels} classes, {rows}"


def devices(comparison: Comparison) -> str:
    """The devices by name; where no run knew it, as they were asked for."""
    names = _distinct(where.device_name for where in comparison.environments)
    return names or _distinct(record.spec.device for record in comparison.records)


def shared(comparison: Comparison) -> str:
    """How many processes share each run; empty where none is shared."""
    return _distinct(processes(record.spec.num_processes) for record in comparison.records)


def seeds(comparison: Comparison) -> str:
    """The seeds, counted: "3 seeds (0, 1, 2)", or from the first to the last where they are many."""
    known = sorted({record.spec.seed for record in comparison.records})
    few = len(known) <= _MOST_SEEDS
    which = ", ".join(map(str, known)) if few else f"{known[0]} to {known[-1]}"
    return f"{_count(len(known), 'seed')} ({which})"


def version(comparison: Comparison) -> str:
    """The version of `bench` that measured."""
    return _distinct(where.versions.get("finetune-bench") for where in comparison.environments)


def settings(comparison: Comparison) -> dict[str, str]:
    """What was asked of every run, by the name of the option; what was left to its default of None is left out.

    The rows of a forward pass stand with each strategy, where they may differ.
    """
    names = dict.fromkeys(name for each in comparison.asked for name in each)
    shown = {name: _distinct(one.get(name) for one in comparison.asked) for name in names}
    own = {MICRO_BATCH} if len({one.get(MICRO_BATCH) for one in comparison.asked}) > 1 else set()
    return {name: text for name, text in shown.items() if text and name not in own}


def reproduce(comparison: Comparison) -> str:
    """The command that asks for these runs, from their records alone; empty where no one command would."""
    if not comparison.records or comparison.mismatches or len(comparison.asked) > 1:
        return ""
    (wanted,), usual = comparison.asked, {WAY: None, **asked(RunSpec(strategy=()))}
    num_seeds = 1 + max(record.spec.seed for record in comparison.records)
    if num_seeds > MAX_SEEDS or wanted.keys() - usual.keys() or not _has_known_choices(comparison.records[0].spec):
        return ""
    options = {"strategies": ",".join(result.strategy for result in comparison.results), "seeds": num_seeds}
    options |= {
        name: value for name, value in wanted.items() if value != usual[name] or name in {"model", "dataset", "device"}
    }
    if any(flag.code == "not-packed" for record in comparison.records for flag in record.flags):
        options.pop(WAY, None)  # it was chosen, and those went without it: forced, it would have them skipped
    words = ["python", "-m", "bench", "compare"]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", "all" if value is None else str(value)]
    return shlex.join(words)


def _has_known_choices(spec: RunSpec) -> bool:
    """Whether this version knows every choice that was asked for, perhaps through another version."""
    try:
        RunSpec.model_validate(spec.model_dump())
    except ValidationError:
        return False
    return True


def provenance(comparison: Comparison) -> dict[str, str]:
    """Hardware, software and the digest of the data."""
    shown = {name: _distinct(map(read, comparison.environments)) for name, read in _ENVIRONMENT.items()}
    shown["data digest"] = _distinct(record.measured.data_digest for record in comparison.records if record.measured)
    timed: dict[str, Any] = {record.spec.name: record.ways for record in comparison.records if record.ways}
    shown["ways timed"] = in_words(timed)
    shown["records"] = _distinct(f"schema {record.schema_version}" for record in comparison.records)
    return {name: text for name, text in shown.items() if text}


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _distinct(values: Iterable[Hashable]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in dict.fromkeys(values) if value not in (None, "")))
