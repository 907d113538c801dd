from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.executors.outcome import Outcome
from bench.experiment.spec import RunSpec, Term
from bench.protocol import Failed, Finished, Planned, Saved, Stage
from bench.records.record import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

SPEC = RunSpec(strategy=(Term(name="full"),))


def test_what_comes_after_the_verdict_changes_nothing() -> None:
    outcome = Outcome(SPEC, None)
    outcome.decide("timeout", "too long")
    outcome.add(Failed(status="oom", reason="late", traceback="late"))
    outcome.add(Finished())
    outcome.exited(-9, oom_kills=1)

    record = outcome.record()

    assert (record.status, record.reason, record.traceback, record.flags) == ("timeout", "too long", None, ())


def test_weights_that_cannot_be_kept_cost_no_measurement(make_record: Callable[..., RunRecord]) -> None:
    outcome = Outcome(SPEC, None, saves_model=True)
    outcome.add(Finished(measured=make_record().measured))
    assert outcome.is_decided
    assert not outcome.is_over
    outcome.add(Failed(status="failed", reason="OSError: No space left on device"))
    assert outcome.is_over
    outcome.exited(0, oom_kills=0)

    record = outcome.record()

    assert record.status == "ok"
    assert record.measured == make_record().measured
    flags = {flag.code: flag.message for flag in record.flags}
    assert flags["not-saved"] == "the trained weights are not kept: OSError: No space left on device"


def test_a_run_is_over_once_its_weights_are_kept() -> None:
    outcome = Outcome(SPEC, None, saves_model=True)
    outcome.add(Finished())
    assert not outcome.is_over
    outcome.add(Saved())
    assert outcome.is_over


def test_a_process_that_is_lost_before_its_weights_are_kept_says_so() -> None:
    outcome = Outcome(SPEC, None, saves_model=True)
    outcome.add(Finished())
    assert outcome.is_without_weights
    assert not outcome.is_lost
    outcome.exited(-9, oom_kills=0)
    assert outcome.is_lost
    assert outcome.is_over
    record = outcome.record()
    assert record.status == "ok"
    (flag,) = record.flags
    assert flag.code == "not-saved"
    assert "ended by SIGKILL" in flag.message


def test_the_host_peak_of_an_unfinished_run_is_that_of_training() -> None:
    outcome = Outcome(SPEC, None)
    for name, peak in (("load", 900), ("train", 500), ("train", 400), ("evaluate", 700)):
        outcome.add(Stage.model_validate({"name": name, "at": time.monotonic()}))
        outcome.see_host_peak(peak)
    outcome.see_host_peak(None)
    outcome.decide("timeout", "too long")

    assert outcome.record().memory == Memory(host_peak_bytes=500, method="kernel-hwm")


def test_what_the_run_itself_measured_before_it_failed_stands() -> None:
    outcome = Outcome(SPEC, None)
    outcome.see_host_peak(900)
    outcome.add(Failed(status="diverged", reason="NaN", memory=Memory(host_peak_bytes=5, method="kernel-hwm")))

    assert outcome.record().memory == Memory(host_peak_bytes=5, method="kernel-hwm")


class Sampler:
    """A sampler of a device on which the run took 100 MiB."""

    flags = ()

    def enter(self, phase: str, at: float) -> None:
        self.entered = phase, at

    def activity(self) -> None:
        return None

    def readings(self) -> dict[str, object]:
        return {"nvml_delta_bytes": 100 << 20, "method": "nvml-v1"}


@pytest.mark.parametrize(("reserved", "codes"), [(120 << 20, []), (180 << 20, ["sampler-gap"])])
def test_a_peak_that_the_sampling_missed_is_doubted(
    make_record: Callable[..., RunRecord], reserved: int, codes: list[str]
) -> None:
    measured = make_record().measured
    assert measured is not None
    memory = measured.memory.model_copy(update={"torch_reserved_peak_bytes": reserved, "method": "torch-reserved"})
    outcome = Outcome(SPEC, None)
    outcome.begin(Sampler())  # type: ignore[arg-type]
    outcome.add(Finished(measured=measured.model_copy(update={"memory": memory})))

    record = outcome.record()

    assert record.measured is not None
    assert record.measured.memory.method == "nvml-v1"
    assert record.measured.memory.training_bytes == 100 << 20
    assert [flag.code for flag in record.flags] == codes


def test_a_record_has_the_rows_of_a_forward_pass_that_were_planned() -> None:
    outcome = Outcome(SPEC, None)
    outcome.add(Planned(changes={}, num_steps=2, num_params=9, num_trainable_params=3, micro_batch_size=4))
    outcome.add(Failed(status="oom", reason="no room"))
    assert outcome.record().micro_batch_size == 4
