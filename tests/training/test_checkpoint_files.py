"""Checkpoints of runs that two real ranks share, on gloo."""

from __future__ import annotations

import math
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch

from bench.training import checkpoint_files as module
from bench.training.checkpoint_files import RankFiles
from tests.training.parallel.ranks import Attempt, ask_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.training.parallel.ranks import Case, Outcome

    Ask = Callable[[Case | Attempt], list[Outcome]]

STOP = 6
GOES_ON = ["it goes on from its checkpoint, after 5 of 10 steps"]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with ask_ranks() as ask:
        yield ask


def files_of(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def stopped(ask: Ask, text: str, path: Path) -> None:
    """Leave the checkpoint of step 5."""
    for outcome in ask(Attempt(text, str(path), every=0, stop=STOP)):
        assert not outcome.error, outcome.error
    assert files_of(path) == [f"run.rank{rank}-of-2.step5.pt" for rank in range(2)]


@pytest.mark.parametrize(
    "text",
    [
        *("full+shard", "lora:dropout=0.3"),
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in (
                *(
                    "full",
                    "amp:dtype=fp16",
                    "amp:dtype=fp16+shard",
                    "lora:dropout=0.3+shard",
                    "gradual+shard",
                    "muon+shard",
                ),
                *(
                    "adafactor+shard",
                    "schedule_free+shard",
                    "lisa+neftune+shard",
                    "freeze:last=2+cached",
                    "full+ema",
                    "ema+shard",
                ),
            )
        ),
    ],
)
def test_ranks_that_go_on_are_the_run_that_was_not_interrupted(ask: Ask, tmp_path: Path, text: str) -> None:
    path = tmp_path / "checkpoints" / "run.pt"
    expected = ask(Attempt(text, str(path)))
    stopped(ask, text, path)
    found = ask(Attempt(text, str(path)))

    for one, other in zip(expected, found, strict=True):
        assert not other.error, other.error
        assert len(one.losses) == 10
        assert other.losses == one.losses
        assert other.weights == one.weights
        assert (other.said, other.flags) == (GOES_ON, ["resumed-within"])


def lose(path: Path, rank: int) -> None:
    part(path, rank).unlink()


def be_of_another_step(path: Path, rank: int) -> None:
    part(path, rank).rename(part(path, rank, 4))


def be_cut(path: Path, rank: int) -> None:
    part(path, rank).write_bytes(part(path, rank).read_bytes()[:2000])


def be_of_another_attempt(path: Path, rank: int) -> None:
    file = part(path, rank)
    torch.save(torch.load(file, weights_only=True) | {"attempt": 1}, file)


def part(path: Path, rank: int, step: int = 5) -> Path:
    return path.with_name(f"run.rank{rank}-of-2.step{step}.pt")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lose, "rank 1 of 2: it has no part of it"),
        (be_of_another_step, "its parts are of unlike steps"),
        (be_cut, "rank 1 of 2: it cannot be read"),
        (be_of_another_attempt, "its parts were written by unlike attempts"),
    ],
)
def test_parts_that_do_not_fit_together_are_left_aside_and_the_run_begins_anew(
    ask: Ask, tmp_path: Path, spoil: Callable[[Path, int], None], why: str
) -> None:
    path = tmp_path / "checkpoints" / "run.pt"
    expected, _ = ask(Attempt("full", str(tmp_path / "none.pt")))
    stopped(ask, "full", path)
    spoil(path, 1)

    for outcome in ask(Attempt("full", str(path))):
        assert outcome.said == [f"its checkpoint is left aside, and it begins anew: {why}"], outcome.error
        assert outcome.flags == []
        assert outcome.losses == expected.losses


def test_a_step_that_one_rank_alone_has_written_does_not_count(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "run.pt"
    stopped(ask, "full", path)
    shutil.copy(part(path, 0), part(path, 0, 6))
    for outcome in ask(Attempt("full", str(path))):
        assert outcome.said == GOES_ON, outcome.error
    assert files_of(path) == [part(path, rank).name for rank in range(2)]


def test_where_one_rank_cannot_write_the_last_of_all_stays(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "run.pt"
    stopped(ask, "full", path)
    part(path, 1, 6).mkdir()  # nothing can take the place of a directory
    for outcome in ask(Attempt("full", str(path), every=0, stop=7)):
        went_on, failed = outcome.said
        assert [went_on] == GOES_ON
        assert failed.startswith("no checkpoint could be written: rank 1 of 2: [Errno 21] Is a directory")
        assert outcome.flags == ["resumed-within", "not-checkpointed"]
    part(path, 1, 6).rmdir()
    assert files_of(path) == [part(path, rank).name for rank in range(2)]


class Two:
    """The first of two ranks, who count how often they meet."""

    rank, num_ranks, num_meetings = 0, 2, 0

    def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
        self.num_meetings += 1
        return [list(numbers)] * 2


@pytest.mark.parametrize("seconds", [0.05, 1.0, 100.0, 4000.0])
def test_ranks_meet_seldom_to_decide_when_one_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    now = 0.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now, time_ns=lambda: 0))
    ranks, due, step = Two(), 1800.0, 1
    files = RankFiles(tmp_path / "run.pt", ranks)  # type: ignore[arg-type]
    now += 3 * seconds  # the first takes longer
    while not files.is_due(step, due):
        step += 1
        now += seconds
    assert due - 3 * seconds < now < due + 3 * seconds
    assert ranks.num_meetings <= 1 + 2 * math.log2(step + 1)
