from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.measuring import host_memory

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


def test_the_peak_remembers_memory_that_was_given_back_until_it_is_reset() -> None:
    before = host_memory.resident_bytes()
    block = bytearray(os.urandom(1)) * (64 * MIB)
    del block
    peak = host_memory.peak_bytes()
    if peak is None or before is None:
        pytest.skip("this kernel keeps no high-water mark")
    assert peak >= before + 60 * MIB

    if not host_memory.reset_peak():
        pytest.skip("this kernel does not reset its high-water mark")
    after = host_memory.peak_bytes()
    assert after is not None
    assert after <= peak - 60 * MIB


def test_another_process_is_read_by_its_number() -> None:
    assert host_memory.resident_bytes(os.getppid()) not in (None, host_memory.resident_bytes())


def test_a_process_that_is_gone_has_no_memory() -> None:
    number = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitpid(number, 0)

    assert host_memory.peak_bytes(number) is None


def test_a_kernel_that_forbids_the_reset_is_a_false(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)

    assert not host_memory.reset_peak()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_kills_are_those_of_our_control_group(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "4:memory:/elsewhere\n0::/user/bench\n")
    write(tmp_path / "sys/fs/cgroup/user/bench/memory.events", "low 0\noom 3\noom_kill 2\n")
    write(tmp_path / "sys/fs/cgroup/memory.events", "oom_kill 5\n")
    write(tmp_path / "proc/vmstat", "pgpgin 1\noom_kill 9\n")

    assert host_memory.oom_kills(tmp_path) == 2


def test_kills_are_those_of_the_container_or_else_of_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "proc/vmstat", "pgpgin 1\noom_kill 9\n")
    assert host_memory.oom_kills(tmp_path) == 9

    write(tmp_path / "sys/fs/cgroup/memory.events", "oom_kill 5\n")
    assert host_memory.oom_kills(tmp_path) == 5


def test_kills_are_unknown_where_nothing_counts_them(tmp_path: Path) -> None:
    assert host_memory.oom_kills(tmp_path) is None


def test_what_is_left_is_that_of_the_machine_or_less_in_a_group_with_a_limit(tmp_path: Path) -> None:
    assert host_memory.available_bytes(tmp_path) is None

    write(tmp_path / "proc/meminfo", "MemTotal: 9000 kB\nMemFree: 1000 kB\nMemAvailable: 5000 kB\n")
    write(tmp_path / "sys/fs/cgroup/memory.max", "max\n")
    write(tmp_path / "sys/fs/cgroup/memory.current", "1000\n")
    assert host_memory.available_bytes(tmp_path) == 5000 * 1024

    write(tmp_path / "proc/self/cgroup", "0::/user/bench\n")
    write(tmp_path / "sys/fs/cgroup/user/bench/memory.max", "3000000\n")
    write(tmp_path / "sys/fs/cgroup/user/bench/memory.current", "1000000\n")
    write(tmp_path / "sys/fs/cgroup/user/bench/memory.stat", "anon 5\ninactive_file 400000\n")
    assert host_memory.available_bytes(tmp_path) == 2_400_000

    write(tmp_path / "sys/fs/cgroup/user/bench/memory.current", "3600000\n")
    assert host_memory.available_bytes(tmp_path) == 0


def test_this_machine_has_less_left_than_it_has() -> None:
    left = host_memory.available_bytes()
    if left is None:
        pytest.skip("this kernel does not say")
    assert 0 < left < psutil.virtual_memory().total
