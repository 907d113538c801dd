"""Strategies that run out of memory, on a card that is told how many rows of a forward pass it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.campaign.campaign import Campaign
from bench.campaign.halving import LARGER, Halving
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.experiment.spec import parse_strategy
from bench.protocol import Tried
from bench.records.endings import KILLED_FOR_MEMORY
from bench.records.micro_batch import rows_asked
from bench.records.store import Store
from tests.campaign.one_by_one import OneByOne

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from bench.experiment.spec import RunSpec
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    MakeRecord = Callable[..., RunRecord]

STRATEGIES = "full,freeze"


class Card(OneByOne):
    """Carries out runs, and holds at most as many rows of a forward pass as `holds` says of each; stops after `stop_after` of them."""

    def __init__(
        self,
        make_record: MakeRecord,
        holds: Callable[[Request], int],
        *,
        ending: dict[str, str] | None = None,
        stop_after: int | None = None,
    ) -> None:
        self.interrupted = False
        self.asked: list[tuple[str, str, int, int]] = []
        self._make, self._holds, self._stop_after = make_record, holds, stop_after
        self._ending = {"status": "oom", "reason": "no room", "phase": "train"} | (ending or {})

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        spec = request.spec
        self.asked.append((request.mode, spec.name, spec.seed, rows_asked(spec)))
        if len(self.asked) == self._stop_after:
            self.interrupted = True
            return self._make(status="interrupted").model_copy(update={"spec": spec})
        if request.mode != "prepare" and rows_asked(spec) > self._holds(request):
            return self._make(**self._ending).model_copy(update={"spec": spec})
        if request.mode == "dry":
            on_message(Tried(step_seconds=1, step_tokens=1, train_tokens=1, eval_tokens=1, peak_bytes=None))
        return self._make().model_copy(update={"spec": spec})


class TwoCards(Card):
    """Has two runs in flight, of which the later one ends last."""

    def run(
        self, requests: list[Request], on_event: Callable[[Request, Message], None] | None = None, /
    ) -> Generator[RunRecord]:
        in_flight: list[RunRecord] = []
        while (requests or in_flight) and not self.interrupted:
            while requests and len(in_flight) < 2:
                in_flight += super().run([requests.pop(0)], on_event)
            yield in_flight.pop(0)


class Listening:
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.num_more = 0

    def begin(self, *_: object) -> None: ...
    def message(self, *_: object) -> None: ...
    def end(self, *_: object) -> None: ...
    def estimate(self, *_: object) -> None: ...

    def more(self, num_runs: int) -> None:
        self.num_more += num_runs

    def say(self, text: str) -> None:
        self.said.append(text)


def carry_out(
    directory: Path, card: Card, *, strategies: str = STRATEGIES, own: str | None = None, **options: int
) -> Listening:
    """Carry out two seeds of each strategy, or go on with them."""
    specs = matrix(Settings.gather({"strategies": strategies, "seeds": 2, **options}), "cpu")
    observer = Listening()
    with Store.open(directory, resume=True) as store:
        halving = Halving(store, [] if own is None else [parse_strategy(own)])
        Campaign(halving.begin(specs), store, card, observer, halving=halving).carry_out()
    return observer


def sizes(directory: Path) -> set[tuple[str, int, int, str]]:
    """What lies in a directory: strategy, seed, rows of a forward pass, and how it ended."""
    return {(run.spec.name, run.spec.seed, rows_asked(run.spec), run.status) for run in Store(directory).read_all()}


def test_a_strategy_that_does_not_fit_is_halved_until_it_does(make_record: MakeRecord, tmp_path: Path) -> None:
    card = Card(make_record, lambda request: {"full": 5}.get(request.spec.name, 16))
    observer = carry_out(tmp_path, card)
    assert [asked for asked in card.asked if asked[0] == "dry" and asked[1] == "full"] == [
        ("dry", "full", 0, 16), ("dry", "full", 0, 8), ("dry", "full", 0, 4)
    ]  # fmt: skip
    assert sizes(tmp_path) == {
        ("full", 0, 4, "ok"), ("full", 1, 4, "ok"), ("freeze", 0, 16, "ok"), ("freeze", 1, 16, "ok")
    }  # fmt: skip
    assert sizes(tmp_path / LARGER) == {("full", 0, 16, "oom"), ("full", 0, 8, "oom")}
    flags = {run.spec.name: [flag.message for flag in run.flags] for run in Store(tmp_path).read_all()}
    assert flags == {"full": ["micro-batch halved from 16 to 4, as more did not fit the memory"], "freeze": []}
    assert observer.said == [
        "full takes micro-batches of 8 from now on, for all seeds: 16 ran out of memory",
        "full takes micro-batches of 4 from now on, for all seeds: 8 ran out of memory",
    ]
    assert observer.num_more == 0


def of_seed_1(request: Request) -> int:
    return 4 if (request.mode, request.spec.name, request.spec.seed) == ("run", "freeze", 1) else 16


def test_a_later_seed_takes_those_before_it_along_and_nothing_is_lost(make_record: MakeRecord, tmp_path: Path) -> None:
    card = Card(make_record, of_seed_1)
    observer = carry_out(tmp_path, card)
    assert sizes(tmp_path) == {
        ("full", 0, 16, "ok"), ("full", 1, 16, "ok"), ("freeze", 0, 4, "ok"), ("freeze", 1, 4, "ok")
    }  # fmt: skip
    apart = sizes(tmp_path / LARGER)
    assert {("freeze", 0, 16, "ok"), ("freeze", 1, 16, "oom"), ("freeze", 1, 8, "oom")} <= apart
    assert len([asked for asked in card.asked if asked[0] == "run"]) == 4 + observer.num_more
    again = Card(make_record, of_seed_1)
    carry_out(tmp_path, again)
    assert again.asked == []
    with Store.open(tmp_path, resume=True) as store:  # it was interrupted before it had moved this one
        store.write(make_record("freeze").model_copy(update={"spec": run_at(16, tmp_path)}))
    carry_out(tmp_path, again)
    assert again.asked == []
    assert ("freeze", 0, 16, "ok") not in sizes(tmp_path)
    assert sizes(tmp_path / LARGER) == apart


def test_what_was_in_flight_as_its_strategy_was_halved_runs_again(make_record: MakeRecord, tmp_path: Path) -> None:
    cards = TwoCards(make_record, lambda request: 16 if request.mode == "dry" else 4)
    observer = carry_out(tmp_path, cards)
    assert sizes(tmp_path) == {(name, seed, 4, "ok") for name in STRATEGIES.split(",") for seed in (0, 1)}
    told = [said for said in observer.said if "full takes" in said]
    assert [said.split()[4] for said in told] == ["8", "4"], "a run in flight at 16 rows halves nothing any more"
    runs = [asked for asked in cards.asked if asked[0] == "run"]
    assert len(runs) == 4 + observer.num_more
    assert len(runs) == len(set(runs)), "none is run twice"


def run_at(rows: int, directory: Path) -> RunSpec:
    """The first run of `freeze` in a directory, as if it had been asked for at so many rows of a forward pass."""
    (spec,) = (run.spec for run in Store(directory).read_all() if (run.spec.name, run.spec.seed) == ("freeze", 0))
    return spec.model_copy(update={"micro_batch_size": None if rows == spec.batch_size else rows})


@pytest.mark.parametrize("stop_after", range(2, 14))
def test_after_an_interruption_anywhere_it_goes_on_to_the_same_runs(
    make_record: MakeRecord, tmp_path: Path, stop_after: int
) -> None:
    carry_out(tmp_path, Card(make_record, of_seed_1, stop_after=stop_after))
    carry_out(tmp_path, Card(make_record, of_seed_1))
    assert sizes(tmp_path) == {
        ("full", 0, 16, "ok"), ("full", 1, 16, "ok"), ("freeze", 0, 4, "ok"), ("freeze", 1, 4, "ok")
    }  # fmt: skip


def test_what_does_not_fit_with_one_row_ran_out_of_memory(make_record: MakeRecord, tmp_path: Path) -> None:
    carry_out(tmp_path, Card(make_record, lambda _: 0), strategies="full", micro_batch_size=3)
    assert sizes(tmp_path) == {("full", 0, 1, "oom"), ("full", 1, 1, "oom")}
    assert sizes(tmp_path / LARGER) == {("full", 0, 3, "oom")}
    assert {flag.message for run in Store(tmp_path).read_all() for flag in run.flags} == {
        "micro-batch halved from 3 to 1, as more did not fit the memory"
    }


@pytest.mark.parametrize(
    ("ending", "is_halved"),
    [
        ({}, True),
        ({"status": "killed", "reason": f"by SIGKILL: {KILLED_FOR_MEMORY}; try a smaller batch"}, True),
        ({"status": "killed", "reason": "its process was ended by SIGKILL"}, False),
        ({"phase": "load"}, False),
        ({"status": "failed"}, False),
    ],
)
def test_it_is_halved_where_training_ran_out_of_memory(
    make_record: MakeRecord, tmp_path: Path, ending: dict[str, str], is_halved: bool
) -> None:
    carry_out(tmp_path, Card(make_record, lambda _: 8, ending=ending), strategies="full")
    status = ending.get("status", "oom")
    assert sizes(tmp_path) == (
        {("full", seed, 8, "ok") if is_halved else ("full", seed, 16, status) for seed in (0, 1)}
    )
    assert (tmp_path / LARGER).exists() == is_halved


def test_a_strategy_that_says_its_micro_batch_itself_stays_what_it_is_called(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    text = "accumulate:rows=8"
    observer = carry_out(tmp_path, Card(make_record, lambda _: 0), strategies=text, own=text)
    assert {status for *_, status in sizes(tmp_path)} == {"oom"}
    assert observer.said == [f"{text} says its micro-batch itself, which is not halved"]
