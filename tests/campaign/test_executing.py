from __future__ import annotations

from typing import TYPE_CHECKING

from bench.campaign.executing import observed, only
from bench.experiment.spec import RunSpec, parse_strategy
from bench.protocol import Request, Said
from tests.campaign.one_by_one import OneByOne

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message
    from bench.records.record import RunRecord


class Talkative(OneByOne):
    """Carries out nothing, and says a word of all but the first seed."""

    def __init__(self, make_record: Callable[..., RunRecord]) -> None:
        self._make = make_record

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        if request.spec.seed:
            on_message(Said(text=f"seed {request.spec.seed}"))
        return self._make().model_copy(update={"spec": request.spec})


class Diary:
    """Writes down what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def begin(self, request: Request) -> None:
        self.seen.append(("begin", request.spec.seed))

    def message(self, request: Request, _: Message) -> None:
        self.seen.append(("message", request.spec.seed))

    def end(self, record: RunRecord) -> None:
        self.seen.append(("end", record.spec.seed))

    def estimate(self, *_: object) -> None: ...
    def more(self, *_: object) -> None: ...
    def say(self, *_: object) -> None: ...


def asked(num_seeds: int) -> list[Request]:
    return [Request(spec=RunSpec(strategy=parse_strategy("full"), seed=seed)) for seed in range(num_seeds)]


def test_each_run_begins_once_and_ends_once_whether_it_says_a_word_or_not(
    make_record: Callable[..., RunRecord],
) -> None:
    diary, requests = Diary(), asked(2)
    heard: list[int] = []
    pairs = [
        (request.spec, record.spec)
        for request, record in observed(
            Talkative(make_record), requests, diary, lambda request, _: heard.append(request.spec.seed)
        )
    ]
    assert pairs == [(request.spec, request.spec) for request in asked(2)]
    assert diary.seen == [("begin", 0), ("end", 0), ("begin", 1), ("message", 1), ("end", 1)]
    assert heard == [1]


def test_what_is_asked_for_in_between_is_observed_too(make_record: Callable[..., RunRecord]) -> None:
    diary, (first, later) = Diary(), asked(2)
    requests = [first]
    for request, _ in observed(Talkative(make_record), requests, diary):
        if request is first:
            requests.append(later)
    assert [what for what in diary.seen if what[0] == "end"] == [("end", 0), ("end", 1)]


def test_one_request_has_one_record(make_record: Callable[..., RunRecord]) -> None:
    said: list[Message] = []
    (_, request) = asked(2)
    assert only(Talkative(make_record), request, said.append).spec == request.spec
    assert said == [Said(text="seed 1")]
