"""Steps with several micro-batches: against peaks that are known, and one that is real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.campaign.fit_by_runs import MOST_RUNS, measure_micro_batch, rows_of_length
from bench.experiment.spec import RunSpec, parse_strategy
from bench.forecasting import here
from bench.forecasting.cards import Card, card_of
from bench.forecasting.micro_batch import MicroBatch
from bench.protocol import Request, Tried
from bench.records.forecast import Forecast, ForecastMemory
from bench.workload.data.dataset import load_data
from tests.campaign.one_by_one import OneByOne
from tests.campaign.test_rate_search import Silent
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message
    from bench.records.record import RunRecord

    MakeRecord = Callable[..., RunRecord]

MIB = 2**20
GPU = replace(card_of("l4-24gb"), memory_bytes=2000 * MIB)
ROOM = here.room_for_tensors(GPU)
SPEC = RunSpec(strategy=parse_strategy("full"), device="cuda", batch_size=16)


class Machine(OneByOne):
    """Carries out steps whose peak is a line in their rows, and that may exhaust the memory."""

    def __init__(
        self, make: MakeRecord, fixed: int, per_row: int, *, ends: int | None = None, status: str = "oom"
    ) -> None:
        self._make, self._fixed, self._per_row, self._ends, self._status = make, fixed, per_row, ends, status
        self.asked: list[RunSpec] = []

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        assert request.mode == "dry"
        self.asked.append(request.spec)
        rows = request.spec.micro_batch_size or 0
        if self._ends is not None and rows >= self._ends:
            return self._make(status=self._status, reason="as it was to be").model_copy(update={"spec": request.spec})
        peak = self._fixed + self._per_row * rows
        counts = {"step_seconds": 1, "step_tokens": 1, "train_tokens": 1, "eval_tokens": 1}
        on_message(Tried(**counts, peak_bytes=peak))
        return self._make().model_copy(update={"spec": request.spec})


def micro_batch(num_rows: int, peak: int, per_row: int) -> MicroBatch:
    """What was forecast: a peak with so many rows, and what one more adds."""

    def forecast(weights: int) -> Forecast:
        parts = dict.fromkeys(("gradients_bytes", "optimizer_bytes", "activations_bytes", "temporaries_bytes"), 0)
        return Forecast(
            device="x", num_params=1, num_trainable_params=1, memory=ForecastMemory(weights_bytes=weights, **parts)
        )

    beyond = forecast(peak + per_row) if per_row else None
    return MicroBatch(num_rows=num_rows, forecast=forecast(peak), beyond=beyond)


def measure(machine: Machine, found: MicroBatch, card: Card = GPU, most: int = 500):
    return measure_micro_batch(SPEC, found, card, machine, Silent(), most=most)


def test_a_smaller_peak_than_forecast_lets_in_more_rows(make_record: MakeRecord) -> None:
    machine = Machine(make_record, 100 * MIB, 10 * MIB)
    measured = measure(machine, micro_batch(40, ROOM, 12 * MIB))
    assert next(iter(measured.peaks)) == 40
    assert list(measured.peaks) == sorted(measured.peaks)
    assert 40 < measured.num_rows < (ROOM - 100 * MIB) / (10 * MIB)
    assert measured.peak_bytes == 100 * MIB + 10 * MIB * measured.num_rows
    assert [(spec.batch_size, spec.micro_batch_size) for spec in machine.asked] == [
        (rows, rows) for rows in measured.peaks
    ]


def test_a_larger_peak_lets_in_fewer(make_record: MakeRecord) -> None:
    measured = measure(Machine(make_record, 100 * MIB, 14 * MIB), micro_batch(100, ROOM, 12 * MIB))
    assert next(iter(measured.peaks)) == 100
    assert measured.num_rows in range(60, 100)
    assert measured.peak_bytes <= ROOM


def test_after_an_exhausted_memory_fewer_rows_are_tried(make_record: MakeRecord) -> None:
    measured = measure(Machine(make_record, 0, MIB, ends=90), micro_batch(100, ROOM, 20 * MIB))
    assert list(measured.peaks) == [100, 90, 81, 89]
    assert measured.num_rows == 89


def test_a_micro_batch_below_the_batch_accumulates(make_record: MakeRecord) -> None:
    machine = Machine(make_record, ROOM, 0)
    assert measure(machine, micro_batch(4, ROOM, 12 * MIB)).num_rows == 4
    assert [(spec.batch_size, spec.micro_batch_size) for spec in machine.asked] == [(16, 4)]


def test_what_does_not_even_fit_with_one_row_is_tried_with_one_on_a_gpu(make_record: MakeRecord) -> None:
    measured = measure(Machine(make_record, 0, 0, ends=1), micro_batch(0, 2 * ROOM, 0))
    assert (measured.peaks, measured.num_rows, measured.why_none) == ({1: None}, None, None)
    assert measure(Machine(make_record, 5, 0), micro_batch(0, 2 * ROOM, 0)).num_rows == 1


def test_a_step_that_fails_ends_it_with_the_reason(make_record: MakeRecord) -> None:
    measured = measure(Machine(make_record, 0, 1, ends=1, status="failed"), micro_batch(8, ROOM, MIB))
    assert (measured.peaks, measured.why_none) == ({}, "as it was to be")


@given(
    fixed=st.integers(0, 800),
    per_row=st.integers(1, 50),
    forecast=st.integers(1, 400),
    ends=st.none() | st.integers(1, 400),
)
def test_it_ends_within_a_few_runs_and_what_it_finds_was_run(
    fixed: int, per_row: int, forecast: int, ends: int | None, make_record: MakeRecord
) -> None:
    machine = Machine(make_record, fixed * MIB, per_row * MIB, ends=ends)
    measured = measure(machine, micro_batch(forecast, ROOM, 20 * MIB), most=450)
    assert len(machine.asked) == len(measured.peaks) <= MOST_RUNS
    assert all(1 <= rows <= 450 for rows in measured.peaks)
    assert measured.num_rows is None or measured.peak_bytes == (fixed + per_row * measured.num_rows) * MIB <= ROOM


@given(fixed=st.integers(0, 800), share=st.floats(0.1, 1), free=st.integers(100, 3000))
def test_on_a_cpu_no_step_takes_more_than_is_free(fixed: int, share: float, free: int, make_record: MakeRecord) -> None:
    """Where the forecast is no less than the truth, at the time of which 2,000 MiB were free."""
    cpu = replace(GPU, kind="cpu")
    machine = Machine(make_record, round(share * fixed) * MIB, round(share * 10 * MIB))
    found = micro_batch((2000 - fixed) // 10, (fixed + (2000 - fixed) // 10 * 10) * MIB, 10 * MIB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + free * MIB)
        measured = measure(machine, found, cpu)
    assert all(peak <= min(free, 2000) * MIB for peak in measured.peaks.values())
    if not measured.peaks:
        assert "takes more than is free" in measured.why_none


def test_rows_of_a_length_have_just_that_many_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    model = save_one_layer(tmp_path / "model")
    data = load_data(rows_of_length(tmp_path / "rows.csv", 7, 33, str(model)))
    assert len(data.train) == 33
    assert set(data.train.lengths) == {7}


def test_on_a_cpu_it_begins_with_half_and_a_forecast_that_was_too_low_is_minded(
    make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row takes 15 MiB, where the forecast says 10: 100 rows fill what is free by forecast, and 67 do."""
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + 1000 * MIB)
    measured = measure(
        Machine(make_record, 0, 15 * MIB), micro_batch(100, 1000 * MIB, 10 * MIB), replace(GPU, kind="cpu")
    )
    assert list(measured.peaks) == [50, 66]
    assert measured.num_rows == 66
