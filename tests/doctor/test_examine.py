"""The doctor passes what is right, and each planted bug makes it fail.

How well this machine keeps time is for `tox -e slow`; here only errors far above its noise count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bench.doctor.display import noise_in_words
from bench.doctor.examine import Diagnosis, Effort, examine
from bench.errors import BenchError
from bench.executors import InProcessRunner, Runner
from bench.measuring.peaks import Peaks
from bench.training import trainer
from bench.training.set_up import SetUp
from bench.worker import run

if TYPE_CHECKING:
    from bench.training.prepared import Prepared

ENTRY = "bench.doctor.known_strategies:main"


SMALL = Effort(width=16, twin_seeds=2, twin_steps=4, pace_seconds=0.6, paced_steps=6)
"""A smaller model, fewer twins and steps that take longer than the command's, which a busy machine keeps."""


def diagnose(effort: Effort = SMALL) -> Diagnosis:
    with InProcessRunner(entry=ENTRY) as runner:
        return examine(runner, "cpu", lambda _text: None, effort)


def passes(diagnosis: Diagnosis) -> dict[str, bool | None]:
    return {check.instrument: check.passes for check in diagnosis.checks}


def errors(diagnosis: Diagnosis) -> dict[str, float | None]:
    return {check.instrument: check.error for check in diagnosis.checks}


def test_what_does_not_depend_on_the_speed_of_the_machine_is_right() -> None:
    diagnosis = diagnose()
    found = passes(diagnosis)
    assert found["tokens per step"]
    assert errors(diagnosis)["FLOPs per step, freeze"] == errors(diagnosis)["FLOPs per step, full"] == 0.0
    assert found["host memory, kernel's high-water mark"]
    assert found["GPU memory, NVML"] is None
    assert found["GPU memory, torch's allocator"] is None
    assert {"step time, median", "training time", "throughput", "billed time, cache included"} < found.keys()
    assert diagnosis.noise.estimate > 0
    assert diagnosis.detectable is not None
    assert "This is noise, not error." in noise_in_words(diagnosis)


def test_throughput_times_the_number_of_steps_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = run.measurement

    def wrong(*args: Any) -> Any:
        measured = right(*args)
        return measured.model_copy(update={"samples_per_second": measured.samples_per_second * measured.num_steps})

    monkeypatch.setattr(run, "measurement", wrong)
    diagnosis = diagnose()
    assert passes(diagnosis)["throughput"] is False
    assert not diagnosis.is_well


def test_a_peak_that_is_read_after_evaluation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Peaks.enter
    monkeypatch.setattr(Peaks, "enter", lambda self, phase: None if phase == "evaluate" else right(self, phase))
    diagnosis = diagnose()
    assert passes(diagnosis)["host memory, kernel's high-water mark"] is False
    assert not diagnosis.is_well


def test_a_warm_up_step_that_leaks_into_the_time_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = run.train

    def wrong(*args: Any, **kwargs: Any) -> Any:
        trained = right(*args, **kwargs)
        return replace(trained, seconds=trained.seconds + trained.step_seconds[0])

    monkeypatch.setattr(run, "train", wrong)
    diagnosis = diagnose()
    assert passes(diagnosis)["training time"] is False
    assert not diagnosis.is_well


def test_a_cache_that_is_filled_off_the_clock_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right, set_up = run.train, trainer.set_up

    def wrong(prepared: Prepared, split: Any, schedule: Any, **kwargs: Any) -> Any:
        set_up(prepared, split, schedule.rows, schedule.batches)
        return right(prepared, split, schedule, **kwargs)

    monkeypatch.setattr(run, "train", wrong)
    monkeypatch.setattr(trainer, "set_up", lambda *_args, **_kwargs: SetUp())
    diagnosis = diagnose()
    assert passes(diagnosis)["billed time, cache included"] is False
    assert not diagnosis.is_well


def test_a_run_that_cannot_keep_its_pace_says_so() -> None:
    with pytest.raises(BenchError, match="the machine is too busy"):
        diagnose(replace(SMALL, pace_seconds=1e-6))


@pytest.mark.slow
def test_this_machine_is_well() -> None:
    """The whole examination, in processes of their own; needs a machine that is not busy."""
    with Runner(entry=ENTRY) as runner:
        diagnosis = examine(runner, "cpu", print)
    assert diagnosis.is_well, [(check.instrument, check.error) for check in diagnosis.checks]
