from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.errors import BenchError, Unsupported
from bench.training import checkpoints as module
from tests.going_on import ORIGIN, Killed, Process, check_that_it_goes_on, killed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the checkpoint of a run lies; the disk, which is slow, is not waited for."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return tmp_path / "checkpoints" / "run.pt"


@pytest.mark.parametrize(
    "text",
    [
        "full",
        "freeze:last=2+cached+adafactor",
        "gradual+ema+amp:dtype=bf16",
        "accumulate:rows=3+muon+amp:dtype=fp16",
        "lora:dropout=0.3",
        "lisa+apollo:r=2+neftune",
    ],
)
def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(path: Path, text: str) -> None:
    check_that_it_goes_on(text, path)


def test_it_goes_on_more_than_once(path: Path) -> None:
    expected = Process("full", path).train()
    killed("full", path)
    with pytest.raises(Killed):
        Process("full", path, every=0).train(stop=9)
    last = Process("full", path)
    assert last.train().losses == expected.losses
    assert last.said == ["it goes on from its checkpoint, after 8 of 10 steps"]


def test_each_is_said_with_the_steps_before_it(path: Path) -> None:
    process = Process("full", path, every=0)
    with pytest.raises(Killed):
        process.train(stop=3)
    assert [said.partition(":")[0] for said in process.said] == ["checkpoint after 1 step", "checkpoint after 2 steps"]


def test_what_was_billed_stays_billed_and_checkpoints_are_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed("freeze+cached", path)
    before = torch.load(path, weights_only=True)["trained"]
    replaced, slept = module.replacing, 0.3

    def slow(*args: Any) -> Any:
        module.time.sleep(slept)
        return replaced(*args)

    monkeypatch.setattr(module, "replacing", slow)
    process = Process("freeze+cached", path, every=0)
    trained = process.train()

    assert trained.step_seconds[:5] == before["step_seconds"]
    assert trained.set_up.cache is not None
    assert trained.set_up.cache.seconds == before["set_up"]["cache"]["seconds"]
    assert trained.set_up_seconds == before["set_up_seconds"]
    assert trained.seconds == pytest.approx(before["seconds"] + sum(trained.step_seconds[5:]), abs=0.2)
    assert process.checkpoints.seconds is not None
    assert process.checkpoints.seconds > 5 * slept


def test_none_is_written_before_it_is_due(path: Path) -> None:
    process = Process("full", path)
    process.train()
    assert not path.parent.exists()
    assert (process.checkpoints.seconds, process.checkpoints.flags, process.said) == (None, (), [])


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it cannot be read"), (b"half", "it cannot be read"), (None, "torch was 1.0, and is 2.0")],
)
def test_what_does_not_fit_is_left_aside_and_the_run_begins_anew(path: Path, content: bytes | None, why: str) -> None:
    expected = Process("full", path).train()
    killed("full", path)
    if content is not None:
        path.write_bytes(path.read_bytes()[:2000] if content else content)
    kept = path.read_bytes()
    process = Process("full", path, origin=ORIGIN | {"torch": "2.0"})

    assert process.train().losses == expected.losses
    assert process.said == [f"its checkpoint is left aside, and it begins anew: {why}"]
    assert process.checkpoints.flags == ()
    assert path.read_bytes() == kept


def test_nothing_in_a_file_is_run(path: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "mine"),)

    path.parent.mkdir()
    torch.save({"version": 1, "origin": ORIGIN, "trained": Hostile()}, path)
    process = Process("full", path)
    process.train()
    assert process.said == ["its checkpoint is left aside, and it begins anew: it cannot be read"]
    assert not (tmp_path / "mine").exists()


def test_one_that_is_not_what_it_says_is_removed(path: Path) -> None:
    killed("full", path)
    torch.save(torch.load(path, weights_only=True) | {"carried": {}}, path)
    with pytest.raises(BenchError, match="cannot be gone on from, and is removed"):
        Process("full", path).train()
    assert not path.exists()


def test_a_full_disk_costs_the_checkpoint_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Process("full", path).train()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    process = Process("full", path, every=0)

    assert process.train().losses == expected.losses
    assert process.said == ["no checkpoint could be written: [Errno 28] No space left on device"]
    assert [flag.code for flag in process.checkpoints.flags] == ["not-checkpointed"]
    assert list(path.parent.iterdir()) == []


def test_room_is_asked_for_before_it_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(num_bytes: int, directory: Path, what: str) -> None:
        assert directory == path.parent
        raise Unsupported(f"{what} takes {num_bytes} bytes")

    monkeypatch.setattr(module, "check_room", refuse)
    process = Process("full", path, every=0)
    process.train()
    (said,) = process.said
    assert re.fullmatch(r"no checkpoint could be written: a checkpoint of the run takes \d{6} bytes", said)
    assert not path.exists()
