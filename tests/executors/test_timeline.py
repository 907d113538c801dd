from __future__ import annotations

import pytest

from bench.executors.timeline import PhaseReading, Timeline
from bench.measuring.nvml import DeviceState


def reading(at: float, joules: float | None = None, foreign: int | None = None, own: int | None = None) -> PhaseReading:
    return PhaseReading(at, joules, foreign, own)


@pytest.fixture
def timeline() -> Timeline:
    """Loads from 0, trains from 10 to 20 and from 23 to 30, and evaluates in between and after."""
    made = Timeline()
    for at, phase in ((0, "load"), (10, "train"), (20, "evaluate"), (23, "train"), (30, "evaluate")):
        made.enter(phase, at)
    return made


def test_a_phase_has_a_stretch_for_every_time_it_was_entered(timeline: Timeline) -> None:
    assert timeline.spans("train") == [(10, 20), (23, 30)]
    assert timeline.spans("evaluate")[-1].end == float("inf")


def test_each_phase_has_its_own_peak_though_the_parent_heard_of_it_late(timeline: Timeline) -> None:
    for at, used in ((1, 100), (11, 500), (21, 900), (22, 300), (31, 700)):
        timeline.add_memory(at, used)

    assert timeline.peak_bytes("load") == 100
    assert timeline.peak_bytes("train") == 500
    assert timeline.peak_bytes("evaluate") == 900
    assert timeline.peak_bytes("save") is None
    assert timeline.peak_bytes() == 900


def test_memory_that_does_not_change_is_held_through_a_phase_without_samples(timeline: Timeline) -> None:
    for at in (1, 5, 40):
        timeline.add_memory(at, 100)

    assert timeline.peak_bytes("train") == 100
    assert timeline.num_samples == 3


def test_the_longest_gap_is_that_of_training(timeline: Timeline) -> None:
    for at in (1, 9, 12, 19, 22, 24, 26, 29):
        timeline.add_memory(at, 100)
    timeline.end(50)

    assert timeline.max_gap_seconds == 7  # from 12 to 19; those from 1 to 9 and to the end are not in training


def test_a_channel_that_falls_silent_in_training_leaves_a_gap(timeline: Timeline) -> None:
    timeline.add_memory(11, 100)
    timeline.end(50)

    assert timeline.max_gap_seconds == 9


def test_a_run_that_never_trained_has_its_longest_gap_anywhere() -> None:
    timeline = Timeline()
    assert timeline.max_gap_seconds == 0
    timeline.add_memory(1, 100)
    timeline.end(4)

    assert timeline.max_gap_seconds == 3


def test_energy_is_that_of_all_stretches_of_training(timeline: Timeline) -> None:
    for at, joules in ((0.1, 0), (10.1, 1000), (20.1, 3000), (23.1, 3500), (30.1, 5000)):
        timeline.add_reading(reading(at, joules))

    assert timeline.activity().energy_joules == 2000 + 1500


@pytest.mark.parametrize(
    "looks",
    [
        [(10, 1000), (11.5, 1100), (23, 1200), (30, 1300)],  # 1.5 s are too short for the counter
        [(10, 1000), (20, 900), (23, 1200), (30, 1300)],  # the driver was loaded anew
        [(10, 1000), (20, None), (23, 1200), (30, 1300)],
        [(10, 1000), (20, 1100), (23, 1200)],
    ],
)
def test_energy_that_the_counter_cannot_tell_is_unknown(looks: list[tuple[float, float | None]]) -> None:
    timeline = Timeline()
    for (at, joules), phase in zip(looks, ("train", "evaluate", "train", "evaluate"), strict=False):
        timeline.enter(phase, at)
        timeline.add_reading(reading(at, joules))
    if len(looks) == 3:
        timeline.enter("evaluate", 30)

    assert timeline.activity().energy_joules is None


def test_what_the_device_did_in_training_alone_counts(timeline: Timeline) -> None:
    for at, clock, reasons in ((5, 100, 0x40), (11, 2000, 0x4), (12, 1900, 0x20), (24, 1800, 0), (31, 100, 0x40)):
        timeline.add_state(
            at,
            DeviceState(
                power_watts=clock / 10,
                sm_clock_mhz=clock,
                temperature_celsius=60,
                utilisation=0.5,
                event_reasons=reasons,
            ),
        )

    activity = timeline.activity()

    assert activity.num_samples == 3
    assert activity.power_watts == pytest.approx(190)
    assert (activity.first_sm_clock_mhz, activity.sm_clock_mhz, activity.last_sm_clock_mhz) == (2000, 1900, 1800)
    assert (activity.temperature_celsius, activity.utilisation) == (60, 0.5)
    assert activity.throttled_share == pytest.approx(1 / 3)
    assert activity.power_capped_share == pytest.approx(1 / 3)


def test_a_device_that_says_nothing_is_unknown_not_zero(timeline: Timeline) -> None:
    timeline.add_state(11, DeviceState())

    activity = timeline.activity()

    assert activity.num_samples == 1
    known = {name for name, value in activity.model_dump().items() if value is not None}
    assert known == {"num_samples"}


def test_foreign_processes_are_counted_before_during_and_after(timeline: Timeline) -> None:
    for at, foreign, own in ((0, 1, None), (10, 0, 50), (20, 2, 70), (30, None, None), (31, 0, None)):
        timeline.add_reading(reading(at, foreign=foreign, own=own))

    activity = timeline.activity()

    assert (activity.num_foreign_before, activity.num_foreign_during, activity.num_foreign_after) == (1, 2, 0)
    assert timeline.own_bytes() == 70
