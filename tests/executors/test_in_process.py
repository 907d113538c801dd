from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.errors import UsageError
from bench.executors import InProcessRunner
from bench.protocol import Finished, Planned, Progress, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request


def test_a_run_in_this_process_says_the_same(make_request: Callable[..., Request]) -> None:
    messages: list[Message] = []

    with InProcessRunner(entry="tiny_entries:well") as runner:
        record = only(runner, make_request(), messages.append)

    assert record.status == "ok"
    assert record.changes == {"phases": "all"}
    assert [type(message) for message in messages] == [Stage, Planned, Stage, Progress, Progress, Finished]


@pytest.mark.parametrize(
    ("entry", "status", "reason"),
    [
        ("raises", "failed", "RuntimeError: boom"),
        ("interrupts", "interrupted", "interrupted in train"),
        ("returns", "failed", "it returned without a last message"),
    ],
)
def test_a_bad_end_is_a_row(make_request: Callable[..., Request], entry: str, status: str, reason: str) -> None:
    runner = InProcessRunner(entry=f"tiny_entries:{entry}")

    record = only(runner, make_request())

    assert (record.status, record.reason) == (status, reason)
    assert runner.interrupted == (status == "interrupted")


def test_a_wrong_request_is_raised(make_request: Callable[..., Request]) -> None:
    with pytest.raises(UsageError, match="no column 'x'"):
        only(InProcessRunner(entry="tiny_entries:usage"), make_request())
