from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.records.endings import how_it_ended, ran_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord, Status


@pytest.mark.parametrize(
    ("exit_code", "oom_kills", "status", "words"),
    [
        (0, 0, "failed", "exit code 0"),
        (1, 0, "failed", "exit code 1"),
        (-15, 1, "killed", "SIGTERM"),
        (-9, 1, "killed", "the kernel killed for want of memory during the run"),
        (-9, 0, "killed", "counts no kill for want of memory"),
        (-9, None, "killed", "perhaps by the kernel"),
        (None, 0, "killed", "cannot be killed"),
    ],
)
def test_every_end_has_its_words(exit_code: int | None, oom_kills: int | None, status: Status, words: str) -> None:
    said, reason = how_it_ended(exit_code, oom_kills=oom_kills)

    assert said == status
    assert words in reason


@pytest.mark.parametrize(("oom_kills", "found"), [(1, True), (0, False), (None, False)])
def test_a_process_that_the_kernel_killed_for_memory_ran_out_of_it(
    make_record: Callable[..., RunRecord], oom_kills: int | None, found: bool
) -> None:
    status, reason = how_it_ended(-9, oom_kills=oom_kills)
    assert ran_out_of_memory(make_record(status=status, reason=reason)) is found


def test_an_allocation_that_failed_is_known_by_the_status(make_record: Callable[..., RunRecord]) -> None:
    assert ran_out_of_memory(make_record(status="oom", reason="cannot allocate 2 GiB"))
    assert not ran_out_of_memory(make_record(status="failed", reason="cannot allocate 2 GiB"))
    assert not ran_out_of_memory(make_record())
