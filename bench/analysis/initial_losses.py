"""Whether the runs of a comparison began from one model: before the first step, their loss on the first batch is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.records.record import RunRecord

__all__ = ["flag_unlike"]

TOLERANCE = 1e-5
"""Nats, or of the loss where that is larger: a sum in fp32 in another order differs by less."""

_Groups = dict[str, tuple["RunRecord", ...]]


def flag_unlike(groups: Mapping[str, tuple[RunRecord, ...]], reference: str | None) -> _Groups:
    """Flag the runs whose loss before training is not that of most runs of their seed; of two, that of the reference.

    The loss is taken before the strategy changes the model, so that it tells of weights, head and data alone.
    """
    by_seed: dict[int, dict[str, float]] = {}
    for name, records in groups.items():
        for record in records:
            if record.measured and record.measured.initial_loss is not None:
                by_seed.setdefault(record.spec.seed, {})[name] = record.measured.initial_loss
    usual = {seed: _usual(losses, reference) for seed, losses in by_seed.items()}
    return {name: tuple(_judged(record, usual) for record in records) for name, records in groups.items()}


def _usual(losses: Mapping[str, float], reference: str | None) -> float:
    """Find the loss that most agree on."""
    order = sorted(losses, key=lambda name: name != reference)
    return max((losses[name] for name in order), key=lambda loss: sum(_agree(loss, other) for other in losses.values()))


def _judged(record: RunRecord, usual: Mapping[int, float]) -> RunRecord:
    loss = record.measured.initial_loss if record.measured else None
    if loss is None or _agree(loss, usual[record.spec.seed]):
        return record
    message = (
        f"before training its loss on the first batch was {loss:.6g}, that of the others {usual[record.spec.seed]:.6g}"
    )
    return record.model_copy(update={"flags": (*record.flags, Flag(code="other-start", message=message))})


def _agree(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
