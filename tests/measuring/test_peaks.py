from __future__ import annotations

import mmap
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pytest
import torch

from bench.measuring import host_memory, torch_memory
from bench.measuring.peaks import Peaks
from bench.records.readings import PhasePeak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20
CPU = torch.device("cpu")


def take(mebibytes: int) -> None:
    block = bytearray(mebibytes * MIB)
    for page in range(0, len(block), 4096):
        block[page] = 1


@pytest.fixture(autouse=True)
def _resets() -> None:
    if not host_memory.reset_peak():
        pytest.skip("this kernel does not reset its high-water mark")


def test_each_phase_has_its_own_peak_and_training_none_of_the_others() -> None:
    peaks = Peaks(CPU)
    take(150)
    peaks.enter("train")
    take(60)
    peaks.enter("evaluate")
    take(300)
    peaks.enter("train")
    take(20)
    memory = peaks.end()

    assert memory.phases is not None
    found = {it.phase: it.host_peak_bytes for it in memory.phases}
    baseline = memory.host_baseline_bytes
    assert baseline is not None
    assert all(value is not None for value in found.values())
    above = {phase: (peak or 0) - baseline for phase, peak in found.items()}
    assert above["load"] > 140 * MIB
    assert 55 * MIB < above["train"] < 130 * MIB
    assert above["evaluate"] > 290 * MIB
    assert memory.host_peak_bytes == found["train"]
    assert memory.method == "kernel-hwm"


@pytest.mark.parametrize(("left", "is_given_back"), [(0, False), (200, True)])
def test_what_is_done_aside_counts_nowhere_and_leaves_little(
    monkeypatch: pytest.MonkeyPatch, left: int, *, is_given_back: bool
) -> None:
    given_back: list[bool] = []
    kept: list[bytearray] = []
    monkeypatch.setattr(host_memory, "release_free_memory", lambda: (given_back.append(True), kept.clear()))
    peaks = Peaks(CPU)
    peaks.enter("train")
    given_back.clear()
    take(20)
    with peaks.aside():
        take(200)
        kept.append(bytearray(b"1") * left * MIB)
    take(20)
    memory = peaks.end()

    assert bool(given_back) is is_given_back
    assert memory.phases is not None
    assert [it.phase for it in memory.phases] == ["load", "train"]
    assert memory.host_peak_bytes is not None
    assert memory.host_baseline_bytes is not None
    assert memory.host_peak_bytes - memory.host_baseline_bytes < 60 * MIB


def test_the_baseline_tells_what_is_mapped_from_files_apart() -> None:
    peaks = Peaks(CPU)
    peaks.enter("train")
    memory = peaks.end()

    anonymous, file = memory.host_baseline_anonymous_bytes, memory.host_baseline_file_bytes
    assert memory.host_baseline_bytes is not None
    assert anonymous is not None
    assert file is not None
    assert anonymous + file == pytest.approx(memory.host_baseline_bytes, rel=0.05)
    assert file > MIB


def test_a_run_that_never_trains_has_the_peak_of_loading_alone() -> None:
    memory = Peaks(CPU).end()

    assert (memory.host_peak_bytes, memory.method) == (None, None)
    assert memory.phases is not None
    assert [it.phase for it in memory.phases] == ["load"]


def test_an_end_twice_is_an_end() -> None:
    peaks = Peaks(CPU)
    peaks.enter("train")
    first = peaks.end()
    take(150)

    assert peaks.end() == first


def test_a_gpu_has_the_peaks_of_its_allocator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Iterator[tuple[int, int]] = iter([(5, 9), (70, 90), (500, 900), (60, 95)])
    monkeypatch.setattr(torch_memory, "peak_bytes", create_autospec(torch_memory.peak_bytes, side_effect=seen))
    monkeypatch.setattr(torch_memory, "reset_peak", create_autospec(torch_memory.reset_peak))
    monkeypatch.setattr(torch_memory, "allocated_bytes", create_autospec(torch_memory.allocated_bytes, return_value=4))
    peaks = Peaks(torch.device("cuda"))
    for phase in ("train", "evaluate", "train"):
        peaks.enter(phase)
    memory = peaks.end()

    assert memory.torch_baseline_bytes == 4
    assert (memory.torch_allocated_peak_bytes, memory.torch_reserved_peak_bytes) == (70, 95)
    assert memory.method == "torch-reserved"
    assert memory.phases is not None
    assert [(it.phase, it.torch_allocated_peak_bytes) for it in memory.phases] == [
        ("load", 5),
        ("train", 70),
        ("evaluate", 500),
    ]


@pytest.mark.parametrize(("reserved", "is_given_back"), [((900, 905), False), ((900, 1900), True)])
def test_a_gpu_keeps_the_segments_of_a_phase_that_is_left_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, reserved: tuple[int, int], *, is_given_back: bool
) -> None:
    release = create_autospec(torch_memory.release_free_memory)
    monkeypatch.setattr(torch_memory, "peak_bytes", create_autospec(torch_memory.peak_bytes, return_value=(1, 2)))
    monkeypatch.setattr(torch_memory, "reset_peak", create_autospec(torch_memory.reset_peak))
    monkeypatch.setattr(
        torch_memory, "reserved_bytes", create_autospec(torch_memory.reserved_bytes, side_effect=reserved)
    )
    monkeypatch.setattr(torch_memory, "release_free_memory", release)
    with Peaks(torch.device("cuda")).aside():
        pass

    assert release.called is is_given_back


def test_what_another_process_took_for_this_run_counts() -> None:
    peaks = Peaks(CPU)
    peaks.enter("train")
    peaks.include(PhasePeak(phase="train", host_peak_bytes=1 << 50))
    peaks.include(PhasePeak(phase="train", host_peak_bytes=1))

    assert peaks.end().host_peak_bytes == 1 << 50


def mapped(path: Path, mebibytes: int, *, executable: bool) -> mmap.mmap:
    """Map a file, as a program maps weights or the code of a library, and read every page of it."""
    path.write_bytes(b"\0" * mebibytes * MIB)
    protection = mmap.PROT_READ | (mmap.PROT_EXEC if executable else 0)
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=protection)
    for page in range(0, len(mapping), 4096):
        assert not mapping[page]
    return mapping


def test_training_is_above_what_was_held_before_the_weights(tmp_path: Path) -> None:
    held = bytearray(b"1") * 100 * MIB
    peaks = Peaks(CPU)
    peaks.before_weights()
    weights = mapped(tmp_path / "weights", 50, executable=False)
    peaks.enter("train")
    taken = bytearray(b"1") * 60 * MIB
    code = mapped(tmp_path / "library.so", 40, executable=True)
    peaks.enter("evaluate")
    take(200)
    memory = peaks.end()

    assert memory.training_bytes is not None
    assert 105 * MIB < memory.training_bytes < 130 * MIB, "weights and what training took, and no code"
    assert memory.host_peak_bytes is not None
    assert memory.host_before_bytes is not None
    assert memory.training_bytes == memory.host_peak_bytes - memory.host_before_bytes
    assert len(held) + len(weights) + len(taken) + len(code) == 250 * MIB


def test_without_the_reading_before_the_weights_training_memory_is_not_measured() -> None:
    peaks = Peaks(CPU)
    peaks.enter("train")
    memory = peaks.end()

    assert memory.host_peak_bytes is not None
    assert (memory.host_before_bytes, memory.training_bytes) == (None, None)
