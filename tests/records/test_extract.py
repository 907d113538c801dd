from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.records.extract import seconds_to_accuracy, values_of
from bench.records.forecast import Forecast, ForecastMemory
from bench.records.metrics import METRICS
from bench.records.readings import DeviceActivity, Memory, MemoryParts, PhasePeak, RankReadings, StepParts, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

PARTS = MemoryParts(
    source="host", before_bytes=1, weights_bytes=2, gradients_bytes=3, optimizer_bytes=4, rest_bytes=5, total_bytes=15
)


@pytest.fixture
def record(make_record: Callable[..., RunRecord]) -> RunRecord:
    made = make_record()
    assert made.measured is not None
    phases = (
        PhasePeak(phase="load", host_peak_bytes=70, torch_reserved_peak_bytes=7),
        PhasePeak(phase="train", host_peak_bytes=80),
        PhasePeak(phase="evaluate", host_peak_bytes=90),
    )
    memory = made.measured.memory.model_copy(update={"phases": phases, "parts": PARTS, "nvml_process_bytes": 6})
    measured = made.measured.model_copy(
        update={
            "memory": memory,
            "step_parts": StepParts(data=0.1, forward=0.2, backward=0.3, optimizer=0.4, num_steps=2),
            "work": Work(step_flops=8e10, flops_per_second=4e10, matmul_flops_per_second=8e10, mfu=0.5),
            "device": DeviceActivity(num_samples=9, power_watts=250, energy_joules=12_345),
            "probe_seconds": 2.5,
        }
    )
    return made.model_copy(update={"measured": measured})


def test_every_instrument_has_its_columns(record: RunRecord) -> None:
    values = values_of(record)

    assert set(values) == set(METRICS)
    expected: dict[str, Any] = {
        "load_peak_bytes": 7,
        "evaluate_peak_bytes": 90,
        "before_bytes": 1,
        "weights_bytes": 2,
        "gradients_bytes": 3,
        "optimizer_bytes": 4,
        "rest_bytes": 5,
        "nvml_process_bytes": 6,
        "data_seconds": 0.1,
        "forward_seconds": 0.2,
        "backward_seconds": 0.3,
        "optimizer_seconds": 0.4,
        "step_flops": 8e10,
        "flops_per_second": 4e10,
        "mfu": 0.5,
        "datasheet_mfu": None,
        "power_watts": 250,
        "energy_joules": 12_345,
        "probe_seconds": 2.5,
    }
    assert {name: values[name] for name in expected} == expected
    assert values["step_seconds_p10"] < values["step_seconds_median"] < values["step_seconds_p90"]  # type: ignore[operator]


def test_what_was_not_measured_is_none(make_record: Callable[..., RunRecord]) -> None:
    values = values_of(make_record())

    for name in ("mfu", "data_seconds", "weights_bytes", "energy_joules", "load_peak_bytes", "probe_seconds"):
        assert values[name] is None
    assert values_of(make_record(num_steps=2))["step_seconds_p90"] is None


def test_what_several_processes_share_has_columns_of_its_own(
    make_record: Callable[..., RunRecord], in_processes: Callable[..., RunRecord]
) -> None:
    names = ("num_processes", "smallest_rank_bytes", "communication_seconds", "communication_share")
    assert {values_of(make_record())[name] for name in names} == {None}
    values = values_of(in_processes(make_record(), 3))
    assert (values["num_processes"], values["communication_seconds"]) == (3, 0.25)
    assert values["communication_share"] == pytest.approx(0.25)
    assert values["smallest_rank_bytes"] == values["training_memory_bytes"] - (1 << 20)  # type: ignore[operator]


def test_the_least_memory_of_a_process_is_not_told_where_that_of_one_is_not_known(
    make_record: Callable[..., RunRecord], in_processes: Callable[..., RunRecord]
) -> None:
    shared = in_processes(make_record())
    assert shared.measured is not None
    unknown = shared.measured.model_copy(update={"ranks": RankReadings(num=2, peak_bytes=(7, None))})
    assert values_of(shared.model_copy(update={"measured": unknown}))["smallest_rank_bytes"] is None


def test_a_target_is_reached_at_the_first_point_at_or_above_it(record: RunRecord) -> None:
    assert record.measured is not None
    curve = record.measured.curve

    assert seconds_to_accuracy(curve, curve[1].accuracy) == curve[1].seconds
    assert seconds_to_accuracy(curve, 0.0) == curve[0].seconds
    assert seconds_to_accuracy(curve, 1.01) is None


def test_above_chance_is_two_standard_errors_of_a_point(record: RunRecord) -> None:
    assert record.measured is not None
    point = record.measured.curve[0].model_copy(update={"num_samples": 64})
    curve = tuple(
        point.model_copy(update={"seconds": seconds, "accuracy": accuracy})
        for seconds, accuracy in ((1.0, 0.60), (2.0, 0.63), (3.0, 0.62))
    )

    def after(majority: float, *points: int) -> float | None:
        evaluation = record.measured.evaluation.model_copy(update={"majority_accuracy": majority})  # type: ignore[union-attr]
        changes = {"evaluation": evaluation, "curve": tuple(curve[index] for index in points)}
        return values_of(record.model_copy(update={"measured": record.measured.model_copy(update=changes)}))[  # type: ignore[union-attr]
            "seconds_above_chance"
        ]

    assert after(0.5, 0, 1, 2) == 2.0  # the border is 0.625
    assert after(0.6, 0, 1, 2) is None
    assert after(0.5) is None


MEMORY = ForecastMemory(
    weights_bytes=100, gradients_bytes=100, optimizer_bytes=100, activations_bytes=50, temporaries_bytes=50
)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (Memory(host_peak_bytes=1450, host_before_bytes=450), -0.4),  # the root of 400 x 900 is 600
        (Memory(torch_reserved_peak_bytes=500, nvml_delta_bytes=1200), -0.5),
        (Memory(torch_reserved_peak_bytes=500), None),  # the context is not in it
        (Memory(), None),
    ],
)
def test_an_error_is_that_of_the_middle_of_a_forecast(
    make_record: Callable[..., RunRecord], measured: Memory, expected: float | None
) -> None:
    forecast = Forecast(
        device="x", num_params=9, num_trainable_params=1, memory=MEMORY, overhead_bytes=(0, 500), seconds=(8, 50)
    )
    made = make_record(forecast=forecast)
    assert made.measured is not None
    run = made.measured.model_copy(update={"memory": measured, "train_seconds": 10.0})
    values = values_of(made.model_copy(update={"measured": run}))
    assert (values["forecast_low_bytes"], values["forecast_high_bytes"]) == (400, 900)
    assert values["forecast_memory_error"] == (expected if expected is None else pytest.approx(expected))
    assert values["forecast_time_error"] == pytest.approx(1.0)  # the root of 8 x 50 is 20
    never_run = values_of(make_record(status="skipped", forecast=forecast))
    assert never_run["forecast_high_seconds"] == 50
    assert never_run["forecast_memory_error"] is never_run["forecast_time_error"] is None
