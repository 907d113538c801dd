from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from bench.campaign.announcement import in_words, matrix_table
from bench.campaign.progress import Display
from bench.protocol import Progress, Request, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


HOSTILE = "m\x1b[41m\n::error::owned\u202e"
"""A name from outside."""


@pytest.fixture
def console() -> Console:
    """A terminal that nobody looks at."""
    return Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_what_a_run_does_and_what_became_of_it(
    console: Console, make_record: Callable[..., RunRecord]
) -> None:
    record = make_record("[/red]")
    with Display(console, 3) as display:
        display.begin(request := Request(spec=record.spec, mode="prepare"))
        display.message(request, Stage(name="fetch", at=0))
        display._progress.refresh()
        assert "smollm2-135m, rotten-tomatoes: preparing" in shown(console)
        display.message(request, Progress(done=1 << 20, total=3 << 20, unit="bytes"))
        display._progress.refresh()
        assert "1 MiB of 3 MiB" in shown(console)
        display.end(record.model_copy(update={"measured": None}))
        display.begin(request := Request(spec=record.spec, mode="run"))
        display.message(request, Stage(name="train", at=1))
        display.message(request, Progress(done=3, total=32, loss=0.693, samples_per_second=12.3))
        display._progress.refresh()
        assert "run 1 of 3: [/red], seed 0: training" in shown(console)
        assert "loss 0.693, 12.3 samples/s" in shown(console)
        display.end(record)
    assert record.measured is not None
    share = record.measured.evaluation.accuracy
    (said,) = (line for line in shown(console).splitlines() if "of training" in line)
    assert "run 1 of 3: [/red], seed 0: " in said
    assert said.endswith(f" samples/s, accuracy {share:.1%}")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_name_is_obeyed(*, is_terminal: bool, make_record: Callable[..., RunRecord]) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=200, color_system=None)
    record = make_record("full")
    workload = record.spec.workload.model_copy(update={"model": HOSTILE, "dataset": HOSTILE})
    spec = record.spec.model_copy(update={"workload": workload})
    reason = f"RuntimeError: {HOSTILE}"
    with Display(console, 1) as display:
        display.say(in_words([spec], [spec], Path(HOSTILE)))
        display.begin(request := Request(spec=spec, mode="prepare"))
        display.message(request, Stage(name="fetch", at=0))
        display._progress.refresh()
        display.end(record.model_copy(update={"spec": spec, "status": "failed", "reason": reason}))
    console.print(matrix_table([spec]))
    assert "m\ufffd[41m" in shown(console)
    assert not re.search(r"(?m)\x1b\[41m|\u202e|^\s*::error", shown(console))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_ending_that_is_not_well_is_said_everywhere(
    *, is_terminal: bool, make_record: Callable[..., RunRecord]
) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=40, color_system=None)
    record = make_record(status="killed", reason="its process was ended by SIGKILL, perhaps for want of memory")
    with Display(console, 1) as display:
        display.begin(Request(spec=record.spec))
        display.end(record)
        display.estimate(90, 2)
    lines = [line.strip() for line in shown(console).splitlines()]
    assert any(line.endswith(f"run 1 of 1: full, seed 0: killed: {record.reason}") for line in lines)
    assert any(line.endswith("2 runs will take about 1 min 30 s") for line in lines)
