from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.campaign.repeat import repeat
from bench.cli import app
from bench.errors import UsageError
from bench.executors import InProcessRunner
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord

    Measure = Callable[..., tuple[Path, RunRecord]]


def test_a_run_repeats_from_its_record_alone_to_the_last_bit(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, record = measure("freeze:last=1")
    files = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert app.run(["rerun", str(directory), "freeze:last=1"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "freeze:last=1, seed 0: reproduced; 8 losses and 12 predictions are the same to the last bit"
    )
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == files
    assert record.status == "ok"


def test_a_run_that_cannot_be_what_it_was_is_told(measure: Measure) -> None:
    directory, record = measure("freeze:last=1")
    assert record.measured is not None
    losses = (record.measured.losses[0], 0.5, *record.measured.losses[2:])
    changed = record.model_copy(update={"measured": record.measured.model_copy(update={"losses": losses})})
    with Store.open(directory, resume=True) as store:
        store.write(changed)
    (stored,) = Store(directory).read_all()
    said = list(repeat(stored, InProcessRunner()).sentences())
    assert said[0] == "freeze:last=1, seed 0: not reproduced"
    assert said[1].startswith("losses part at step 2 of 8: 0.5 before, ")


def test_a_run_that_is_not_there_is_one_line(measure: Measure) -> None:
    directory, _ = measure("freeze:last=1")
    with pytest.raises(UsageError, match="Did you mean freeze:last=1"):
        app.run(["rerun", str(directory), "freeze:last=2"])
