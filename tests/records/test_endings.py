from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.executors.outcome import how_it_ended
from bench.records.endings import ran_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


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
