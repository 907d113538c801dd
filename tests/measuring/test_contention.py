from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import psutil
import pytest
import torch

from bench.measuring import contention, host_memory, torch_memory
from bench.measuring.contention import Contention

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


@pytest.fixture
def stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand for /proc/stat, on a machine that is all ours and whose own time stands still."""
    monkeypatch.setattr(os, "cpu_count", lambda: len(os.sched_getaffinity(0)))
    monkeypatch.setattr(os, "times", lambda: (0.0,) * 5)
    monkeypatch.setattr(contention, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    tell(tmp_path / "stat")
    return tmp_path / "stat"


def tell(stat: Path, *, user: int = 0, idle: int = 0, steal: int = 0) -> None:
    stat.write_text(f"cpu  {user} 0 0 {idle} 0 0 0 {steal} 0 0\ncpu0 9 9 9 9 9 9 9 9 9 9\n")


def test_only_what_happens_while_the_run_trains_counts(stat: Path) -> None:
    tell(stat, user=1000, idle=1000, steal=500)
    seen = Contention(CPU)
    seen.start()
    tell(stat, user=1030, idle=1060, steal=510)
    seen.stop()
    tell(stat, user=5000, idle=5000, steal=5000)
    seen.start()
    tell(stat, user=5030, idle=5060, steal=5010)
    seen.stop()
    seen.stop()

    activity = seen.activity()

    assert activity.steal_share == pytest.approx(0.1)
    assert activity.others_share == pytest.approx(0.3)
    assert activity.seconds >= 0


def test_what_the_run_itself_took_is_not_others(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(stat)
    seen = Contention(CPU)
    seen.start()
    tell(stat, user=80, idle=20)
    monkeypatch.setattr(os, "times", lambda: (0.3, 0.1, 0.2, 0.0, 0.0))
    seen.stop()

    assert seen.activity().others_share == pytest.approx(0.2)


def test_other_processors_than_ours_tell_nothing_of_us(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 10_000)
    tell(stat)
    seen = Contention(CPU)
    seen.start()
    tell(stat, user=80, idle=20)
    seen.stop()

    assert seen.activity().others_share is None
    assert seen.activity().steal_share == 0


def test_a_kernel_that_does_not_tell_is_unknown(stat: Path) -> None:
    stat.unlink()
    seen = Contention(CPU)
    seen.start()
    seen.stop()

    activity = seen.activity()
    assert (activity.steal_share, activity.others_share, activity.num_allocator_retries) == (None, None, None)


def test_too_short_a_time_to_count_ticks_in_is_unknown(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "MIN_SECONDS", 1e9)
    tell(stat)
    seen = Contention(CPU)
    seen.start()
    tell(stat, user=80, idle=20)
    seen.stop()

    assert seen.activity().steal_share is None


def test_swap_and_retries_are_increases_while_the_run_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = create_autospec(host_memory.swapped_bytes, side_effect=[4096, 9096, 20000, 19000])
    retries = create_autospec(torch_memory.num_retries, side_effect=[2, 5, 7, 8])
    monkeypatch.setattr(host_memory, "swapped_bytes", swapped)
    monkeypatch.setattr(torch_memory, "num_retries", retries)

    seen = Contention(torch.device("cuda"))
    for _stretch in range(2):
        seen.start()
        seen.stop()

    assert (seen.activity().swapped_bytes, seen.activity().num_allocator_retries) == (5000, 4)


def test_the_real_counters_can_be_read() -> None:
    seen = Contention(CPU)
    seen.start()
    seen.stop()

    assert seen.activity().seconds >= 0


def test_the_other_processes_of_a_run_are_no_strangers(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = [5.0]
    process = create_autospec(psutil.Process, instance=True)
    process.cpu_times.side_effect = lambda: (spent[0], 0.0, 0.0, 0.0)
    monkeypatch.setattr(psutil, "Process", create_autospec(psutil.Process, return_value=process))
    tell(stat, user=1000, idle=1000)
    seen = [Contention(CPU, beside) for beside in ((), (7,))]
    for one in seen:
        one.start()
    tell(stat, user=1100, idle=1100)
    spent[0] += 100 / os.sysconf("SC_CLK_TCK")
    for one in seen:
        one.stop()
    assert [one.activity().others_share for one in seen] == [0.5, 0.0]
