from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from bench.errors import Unsupported
from bench.training.activation_cache import CacheDirectory, check_room
from tests.applied import applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]


def test_equal_runs_share_a_cache_and_are_billed_for_it_alike(classifier: Classifier, tmp_path: Path) -> None:
    directory = CacheDirectory(tmp_path, "llama and toys")
    first, second = (applied("freeze:last=1+cached", classifier("Llama"), cache_directory=directory) for _ in range(2))
    built = train_ragged(first)
    kept = bytearray(b"1") * (64 << 20)  # what else this process holds is not the cache's
    taken = train_ragged(second)
    fills = [trained.set_up.cache for trained in (built, taken)]
    assert [fill.is_shared for fill in fills if fill] == [False, True]
    assert [trained.set_up.owed_seconds for trained in (built, taken)] == [0.0, fills[0].seconds]
    assert fills[1].seconds == fills[0].seconds
    assert taken.set_up_seconds >= fills[1].seconds
    assert taken.seconds >= taken.set_up_seconds + sum(taken.step_seconds) * 0.99
    assert taken.losses == built.losses
    peaks = [fill.peak.host_peak_bytes for fill in fills]
    assert None not in peaks
    assert 0.75 * len(kept) < peaks[1] - peaks[0] < 1.25 * len(kept)
    other = train_ragged(applied("freeze+cached", classifier("Llama"), cache_directory=directory))
    assert other.set_up.cache is not None
    assert not other.set_up.cache.is_shared


def test_a_cache_too_large_for_memory_stays_in_a_file(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = train_ragged(applied("freeze:last=1", classifier("Bert")))
    monkeypatch.setattr("bench.training.activation_cache.MEMORY_SHARE", 0)
    assert train_ragged(applied("freeze:last=1+cached", classifier("Bert"))).losses == pytest.approx(
        wanted.losses, rel=1e-6
    )


def test_what_has_no_room_on_the_disk_is_refused_and_leaves_nothing(classifier: Classifier, small_disk: Path) -> None:
    with pytest.raises(Unsupported, match=r"takes 1,024.0 MiB, and .* has .* MiB free: make room"):
        check_room(1 << 30, small_disk)
    check_room(1 << 10, small_disk)
    fill_up = small_disk / "others"
    fill_up.write_bytes(bytes(shutil.disk_usage(small_disk).free - 8192))
    ready = applied(
        "freeze:last=1+cached", classifier("Llama"), cache_directory=CacheDirectory(small_disk / "c", "toys")
    )
    with pytest.raises(Unsupported, match="of the frozen layers"):
        train_ragged(ready)
    assert not list(small_disk.rglob("hidden"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB in memory."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
