from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.records.doubts import doubts
from bench.records.flags import FLAGS, is_suspect
from bench.records.readings import DeviceActivity, HostActivity, MemoryParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import Measurement, RunRecord

MIB = 2**20


@pytest.fixture
def measured(make_record: Callable[..., RunRecord]) -> Measurement:
    found = make_record().measured
    assert found is not None
    return found


def codes(measured: Measurement, **changes: Any) -> list[str]:
    found = doubts(measured.model_copy(update=changes))
    assert all(flag.code in FLAGS for flag in found)
    return [flag.code for flag in found]


def test_a_sound_run_raises_no_doubt(measured: Measurement) -> None:
    assert codes(measured) == []
    assert codes(measured, host=HostActivity(seconds=80), device=DeviceActivity(num_samples=0)) == []


def test_few_steps_are_a_note(make_record: Callable[..., RunRecord]) -> None:
    short = make_record(num_steps=13).measured
    assert short is not None
    assert codes(short) == ["few-steps"]
    assert codes(short.model_copy(update={"num_warmup_steps": 1})) == []


def test_a_run_that_slows_down_is_unsteady(measured: Measurement) -> None:
    half = len(measured.step_seconds) // 2
    slower = measured.step_seconds[:half] + tuple(2 * second for second in measured.step_seconds[half:])

    assert codes(measured, step_tokens=(900,) * 32, step_seconds=slower) == ["unsteady-steps"]
    assert codes(measured, step_tokens=(900,) * 32, step_seconds=slower, phase_steps=(half,)) == []


@pytest.mark.parametrize(
    ("skipped", "expected"),
    [((), []), ((1, 2, 3), []), ((1, 2, 4), ["fp16-skipped-steps"]), ((9,), ["fp16-skipped-steps"])],
)
def test_steps_skipped_after_the_first_search_are_doubted(
    measured: Measurement, skipped: tuple[int, ...], expected: list[str]
) -> None:
    assert codes(measured, skipped_steps=skipped) == expected


def test_a_skipped_step_in_a_long_run_is_the_scale_growing(measured: Measurement) -> None:
    assert codes(measured, skipped_steps=(1999,), num_steps=2500) == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"steal_share": 0.02, "others_share": 0.05, "swapped_bytes": 4096, "num_allocator_retries": 0}, []),
        ({"steal_share": 0.2}, ["cpu-steal"]),
        ({"others_share": 0.4}, ["busy-machine"]),
        ({"swapped_bytes": 50 * MIB}, ["swap"]),
        ({"num_allocator_retries": 3}, ["allocator-retries"]),
    ],
)
def test_what_the_machine_did_besides(measured: Measurement, host: dict[str, Any], expected: list[str]) -> None:
    assert codes(measured, host=HostActivity(seconds=80, **host)) == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ({"nvml_max_gap_seconds": 0.1, "nvml_delta_bytes": 900 * MIB, "torch_reserved_peak_bytes": 900 * MIB}, []),
        ({"nvml_max_gap_seconds": 3.0}, ["sampler-gap"]),
        ({"nvml_delta_bytes": 100 * MIB, "torch_reserved_peak_bytes": 900 * MIB}, ["sampler-gap"]),
    ],
)
def test_memory_that_was_not_looked_at(measured: Measurement, memory: dict[str, Any], expected: list[str]) -> None:
    assert codes(measured, memory=measured.memory.model_copy(update=memory)) == expected


@pytest.mark.parametrize(("rest", "expected"), [(100, []), (110, ["memory-residual"]), (40, ["memory-residual"])])
def test_parts_that_do_not_add_up(measured: Measurement, rest: int, expected: list[str]) -> None:
    parts = MemoryParts(
        source="host",
        before_bytes=10 * MIB,
        weights_bytes=20 * MIB,
        gradients_bytes=20 * MIB,
        optimizer_bytes=30 * MIB,
        rest_bytes=rest * MIB,
        total_bytes=180 * MIB,
    )

    assert parts.residual_bytes == (rest - 100) * MIB
    assert codes(measured, memory=measured.memory.model_copy(update={"parts": parts})) == expected


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"throttled_share": 0.01, "num_foreign_before": 0, "num_foreign_during": 0, "num_foreign_after": None}, []),
        ({"throttled_share": 0.5}, ["throttled"]),
        ({"power_capped_share": 0.9}, ["power-capped"]),
        ({"first_sm_clock_mhz": 1980, "last_sm_clock_mhz": 1900}, []),
        ({"first_sm_clock_mhz": 1980, "last_sm_clock_mhz": 1400}, ["clocks-drifted"]),
        ({"first_sm_clock_mhz": 1400, "last_sm_clock_mhz": 1980}, ["clocks-drifted"]),
        ({"first_sm_clock_mhz": 1400, "last_sm_clock_mhz": 1980, "num_samples": 3}, []),
        ({"num_foreign_during": 2}, ["foreign-process"]),
    ],
)
def test_what_the_device_did(measured: Measurement, device: dict[str, Any], expected: list[str]) -> None:
    assert codes(measured, device=DeviceActivity(**({"num_samples": 300} | device))) == expected


def test_what_was_learnt(measured: Measurement) -> None:
    def with_evaluation(**changes: Any) -> list[str]:
        return codes(measured, evaluation=measured.evaluation.model_copy(update=changes))

    assert with_evaluation(accuracy=0.54) == ["chance-accuracy"]
    assert with_evaluation(accuracy=0.6) == []
    assert with_evaluation(num_samples=64) == ["small-evaluation"]
    assert codes(measured, truncated_share=0.06) == ["truncated-inputs"]
    assert codes(measured, truncated_share=0.05) == []


@pytest.mark.parametrize("code", ["few-steps", "busy-machine", "power-capped", "chance-accuracy", "small-evaluation"])
def test_what_only_widens_intervals_keeps_nothing_from_ranking(code: str) -> None:
    assert not is_suspect(code)


def test_evaluation_rows_of_classes_that_nobody_could_learn_are_a_note(measured: Measurement) -> None:
    assert measured.data is not None
    unseen = measured.data.model_copy(update={"num_unseen_classes": 153, "num_unseen_rows": 200})
    assert codes(measured, data=unseen) == ["unseen-classes"]
    assert codes(measured, data=None) == []
    assert not is_suspect("unseen-classes")
