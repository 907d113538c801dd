"""The largest micro-batch that real steps fit, beginning with the one that was forecast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.campaign.executing import observed
from bench.experiment.spec import WorkloadSpec
from bench.forecasting.here import room_for_tensors, with_free_memory
from bench.forecasting.micro_batch import Measured
from bench.protocol import Request, Tried

if TYPE_CHECKING:
    from pathlib import Path

    from bench.campaign.executing import Executor, Observer
    from bench.experiment.spec import RunSpec
    from bench.forecasting.cards import Card
    from bench.forecasting.micro_batch import MicroBatch
    from bench.protocol import Message

__all__ = ["measure_micro_batch", "rows_of_length"]

MOST_RUNS = 4
AFTER_OOM = 0.9
"""Of the rows for which memory was exhausted, that are tried next."""
NUM_EVALUATED = 8


def measure_micro_batch(
    spec: RunSpec, found: MicroBatch, card: Card, executor: Executor, observer: Observer, *, most: int
) -> Measured:
    """Take steps with several micro-batches, each in a fresh process: fewer rows after a peak that is too high, more after another.

    On a CPU, where what is too much ends in a process that the kernel kills, the first has half the rows of the forecast.
    More are only tried where the measured peak, and what each row adds by a forecast that is as far off as that peak showed it
    to be, are no more than the memory, of a CPU what is free at that moment.

    Args:
        spec: Of a run of the composition.
        found: What was forecast.
        card: The device of the run.
        executor: Carries out each step.
        observer: Is told what goes on.
        most: Rows that there are.

    Raises:
        UsageError: the request cannot be carried out as it stands.

    """
    peaks: dict[int, int | None] = {}
    fits, too_many, rows = 0, most + 1, max(found.num_rows, 1)
    row_bytes = found.row_bytes or 0
    room = room_for_tensors(with_free_memory(card))
    over = found.forecast.peak_bytes[1] - room
    if card.kind == "cpu" and over > 0:  # less is free than before
        rows = found.num_rows - math.ceil(over / row_bytes) if row_bytes else 0
        if rows < 1:
            return Measured(
                peaks={}, memory_bytes=room, why_none="not measured: by forecast it takes more than is free"
            )
    rows = min(rows if card.kind == "cuda" else max(rows // 2, 1), most)
    while fits < rows < too_many and len(peaks) < MOST_RUNS:
        room = min(room, room_for_tensors(with_free_memory(card)))
        status, peak, why = _step(spec, rows, executor, observer)
        if status not in ("ok", "oom") or (status == "ok" and peak is None):
            return Measured(peaks=peaks, memory_bytes=room, why_none=why or "its peak could not be measured")
        peaks[rows] = peak
        if peak is not None and peak <= room:
            fits = rows
            told = max(1, found.forecast.peak_bytes[1] - row_bytes * (found.num_rows - rows))
            more = int((room - peak) / (row_bytes * max(1, peak / told))) if row_bytes else 0
            rows = min(rows + more, too_many - 1)
        else:
            too_many = rows
            fewer = (
                int(AFTER_OOM * rows) if peak is None or not row_bytes else rows - math.ceil((peak - room) / row_bytes)
            )
            rows = max(fewer, fits + 1)
    return Measured(peaks=peaks, memory_bytes=room)


def _step(spec: RunSpec, num_rows: int, executor: Executor, observer: Observer) -> tuple[str, int | None, str | None]:
    """Take one step in forward passes of so many rows: how it ended, its peak, and why it ended so."""
    told: list[Tried] = []

    def listen(_: Request, message: Message) -> None:
        if isinstance(message, Tried):
            told.append(message)

    sizes = {"micro_batch_size": num_rows, "batch_size": max(spec.batch_size, num_rows)}
    asked = spec.model_copy(update=sizes)
    ((_, record),) = observed(executor, [Request(spec=asked, mode="dry")], observer, listen)
    return record.status, told[0].peak_bytes if told else None, record.reason


def rows_of_length(file: Path, num_tokens: int, num_rows: int, model: str) -> WorkloadSpec:
    """Write so many texts, each of at least so many tokens, and return what trains `model` on just so many of each."""
    words = " word" * num_tokens
    num_texts = num_rows + num_rows // 2 + 2 * NUM_EVALUATED  # of which a fifth is split off to evaluate
    texts = (f"{number}{words},{('bad', 'good')[number % 2]}" for number in range(num_texts))
    file.write_text("\n".join(["text,label", *texts]) + "\n", encoding="utf-8")
    return WorkloadSpec(
        model=model,
        dataset=str(file),
        max_length=max(2, num_tokens),
        train_samples=num_rows,
        eval_samples=NUM_EVALUATED,
    )
