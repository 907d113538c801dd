"""Whether runs differ in strategy and seed alone, according to their records.

Strategies may also differ in the rows of a forward pass, as in any field of their plans; runs of one strategy may not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records.micro_batch import rows_asked, rows_planned

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from bench.experiment.spec import RunSpec
    from bench.records.record import Environment, Measurement, RunRecord

    _Fields = dict[str, Hashable]

__all__ = ["MICRO_BATCH", "WAY", "Mismatch", "asked", "in_words", "mismatches", "mismatches_asked"]

MICRO_BATCH = "micro_batch_size"
WAY = "way"
_LATER = "settings that this version of bench does not know"
_NOTHING_LATER: _Fields = {_LATER: "none"}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field in which runs differ that must not."""

    field: str
    values: Mapping[str, str]
    """By strategy; several values of one strategy are joined by "and"."""


def mismatches(records: Iterable[RunRecord]) -> tuple[Mismatch, ...]:
    """Return the fields that differ between runs; a field that a run did not record is not compared for it.

    Older versions kept no gradient and optimizer state for unseen embeddings, whatever the strategy: their runs differ
    from those of versions that leave this to the strategy.
    """
    return _differing((record.spec.name, _fields(record)) for record in records)


def mismatches_asked(specs: Iterable[RunSpec]) -> tuple[Mismatch, ...]:
    """Return, before anything runs, the fields that must be equal and would not be."""
    return _differing((spec.name, _NOTHING_LATER | asked(spec) | {MICRO_BATCH: rows_asked(spec)}) for spec in specs)


def in_words(found: Iterable[Mismatch]) -> str:
    """Return what differs as text: "max_length (64 for full; 128 for amp), num_steps (...)", and how ways become one."""
    return ", ".join(f"{mismatch.field} ({_grouped(mismatch.values)}{_remedy(mismatch)})" for mismatch in found)


def asked(spec: RunSpec) -> _Fields:
    """Return everything asked of a run but strategy and seed; which of several GPUs it ran on does not matter."""
    fields = vars(spec.workload) | vars(spec) | {"device": spec.device.partition(":")[0]}
    del fields["strategy"], fields["seed"], fields["workload"]
    if spec.way is None:  # as in records of before
        del fields[WAY]
    return fields | _of_later_versions(spec)


def _of_later_versions(spec: RunSpec) -> _Fields:
    """Return what was asked in fields that this version does not know, unless they are null."""
    unknown = [part.model_extra or {} for part in (spec, spec.workload, *spec.strategy)]
    said = [f"{name} {json.dumps(value)}" for extra in unknown for name, value in extra.items() if value is not None]
    return {_LATER: ", ".join(sorted(said))} if said else {}


def _differing(runs: Iterable[tuple[str, _Fields]]) -> tuple[Mismatch, ...]:
    seen: dict[str, dict[str, dict[str, None]]] = {}
    unlike = dict.fromkeys((name, tuple(fields.items())) for name, fields in runs)  # thousands may be alike
    for name, fields in unlike:
        for field, value in fields:
            seen.setdefault(field, {}).setdefault(name, {})[str(value)] = None
    if sizes := seen.pop(MICRO_BATCH, None):
        seen[MICRO_BATCH] = {name: values for name, values in sizes.items() if len(values) > 1}
    return tuple(
        Mismatch(field, {name: " and ".join(values) for name, values in by_strategy.items()})
        for field, by_strategy in seen.items()
        if len({value for values in by_strategy.values() for value in values}) > 1
    )


def _grouped(values: Mapping[str, str]) -> str:
    by_value: dict[str, list[str]] = {}
    for name, value in values.items():
        by_value.setdefault(value, []).append(name)
    return "; ".join(f"{value} for {', '.join(names)}" for value, names in by_value.items())


def _remedy(mismatch: Mismatch) -> str:
    if mismatch.field != WAY:
        return ""
    first, *_ = next(iter(mismatch.values.values())).split(" and ")
    return f"; measure the others again with --way {first}"


def _fields(record: RunRecord) -> _Fields:
    return (
        _NOTHING_LATER
        | {name: value for name, value in asked(record.spec).items() if name != MICRO_BATCH}
        | ({MICRO_BATCH: rows} if (rows := rows_planned(record)) else {})
        | (_of_measured(record.measured) if record.measured else {})
        | (_of_environment(record.environment) if record.environment else {})
    )


def _of_measured(measured: Measurement) -> _Fields:
    return {
        **_of_embeddings(measured),
        **({"head that training began with": measured.head} if measured.head else {}),
        **({"weights of the model": measured.model_digest[:19]} if measured.model_digest else {}),
        **{f"code of {name}": digest[:19] for name, digest in (measured.strategy_code or {}).items()},
        "data_digest": measured.data_digest[:12],
        "num_steps": measured.num_steps,
        "num_samples": measured.num_samples,
        "evaluation rows": measured.evaluation.num_samples,
    }


def _of_embeddings(measured: Measurement) -> _Fields:
    """Return whether the strategy decides on gradient and state of unseen embeddings; older versions always left them out."""
    name, parts = "gradient and state of unseen embeddings", measured.memory.parts
    if measured.seen_embeddings is not None:
        return {name: "as the strategy says"}
    return {} if parts and not parts.spared_bytes else {name: "left out unasked"}


def _of_environment(where: Environment) -> _Fields:
    known = {
        "device name": where.device_name,
        "processor": where.host_cpu,
        "threads": where.num_threads,
        "driver": where.driver,
        "python": where.python,
    }
    parts = {f"version of {name}": number for name, number in where.versions.items()} | {
        f"digest of {name}": digest[:12] for name, digest in where.assets.items()
    }
    return {name: value for name, value in (known | parts).items() if value is not None}
