from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import BenchError, UsageError
from bench.executors.far import FarRun
from bench.protocol import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord


def test_what_is_said_is_passed_on_and_the_record_is_as_it_was_written(
    make_request: Callable[..., Request], make_record: Callable[..., RunRecord]
) -> None:
    heard: list[tuple[Request, Message]] = []
    request, stage = make_request(), Stage(name="train", at=1.0)
    far = FarRun(request, lambda *event: heard.append(event))
    assert far.hear(f"message {stage.model_dump_json()}") is None
    assert far.hear(f"record {make_record().model_dump_json()}") == make_record()
    assert heard == [(request, stage)]


def test_a_run_that_is_lost_is_a_row_that_says_how_far_it_came(make_request: Callable[..., Request]) -> None:
    far = FarRun(make_request(), None)
    far.hear(f"message {Stage(name='train', at=1.0).model_dump_json()}")
    record = far.lost("killed", "its node is gone", "node7")
    assert (record.status, record.reason, record.phase, record.host) == ("killed", "its node is gone", "train", "node7")
    assert FarRun(make_request(), None).interrupted().reason == "interrupted in start"


@pytest.mark.parametrize(("line", "kind"), [("refused no column", UsageError), ("lost no process", BenchError)])
def test_what_ends_the_comparison_is_raised(
    make_request: Callable[..., Request], line: str, kind: type[BenchError]
) -> None:
    with pytest.raises(kind, match=line.partition(" ")[2]):
        FarRun(make_request(), None).hear(line)
