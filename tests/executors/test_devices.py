from __future__ import annotations

import fcntl
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pytest

from bench.errors import Unsupported, UsageError
from bench.executors import devices as module
from bench.executors.devices import _directory, lease, visible_gpus
from bench.measuring.nvml import Gpu, list_gpus

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Request

UUIDS = [f"GPU-{digit * 8}-0000-0000-0000-000000000000" for digit in "123"]
MIG = "MIG-11111111-0000-0000-0000-000000000000"


def never(text: str) -> None:
    pytest.fail(f"waited: {text}")


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three GPUs, none of them hidden."""
    found = [Gpu(uuid=uuid, name="GPU") for uuid in UUIDS]
    monkeypatch.setattr(module, "list_gpus", create_autospec(list_gpus, return_value=found))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    error = Unsupported("NVML does not answer (LibraryNotFound)")
    monkeypatch.setattr(module, "list_gpus", create_autospec(list_gpus, side_effect=error))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_cpu_is_one_lock_that_every_user_may_take(make_request: Callable[..., Request], tmp_path: Path) -> None:
    with lease(make_request(), never) as gpus:
        assert gpus == ()
        lock = tmp_path / "finetune-bench-cpu.lock"
        assert stat.S_IMODE(lock.stat().st_mode) == 0o666
        with lock.open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_locks_lie_where_the_next_user_may_open_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BENCH_LOCK_DIR")
    monkeypatch.setattr(Path, "is_dir", lambda path: path != Path("/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    directory = _directory()

    assert directory == tmp_path / "finetune-bench"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o777  # and not sticky
    assert _directory() == directory


def test_preparing_waits_for_nobody(make_request: Callable[..., Request], tmp_path: Path) -> None:
    with (tmp_path / "finetune-bench-cpu.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with lease(make_request(mode="prepare"), never) as gpus:
            assert gpus == ()


@pytest.mark.usefixtures("gpus")
def test_two_runs_get_two_gpus(make_request: Callable[..., Request]) -> None:
    request = make_request(device="cuda")

    with lease(request, never) as one, lease(request, never) as two:
        assert [*one, *two] == UUIDS[:2]


@pytest.mark.usefixtures("gpus")
def test_a_run_of_two_processes_gets_two_gpus_at_once_or_waits_holding_none(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    request = make_request(device="cuda")
    files = [(tmp_path / f"finetune-bench-{uuid}.lock").open("w") for uuid in UUIDS[:2]]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)

    def release(text: str) -> None:
        assert text == "another bench is measuring on each of the 3 GPUs; waiting"
        with lease(request, never) as third:
            assert third == (UUIDS[2],), "whoever waits for two holds none of them"
        files[0].close()

    with lease(request, release, num=2) as gpus:
        assert gpus == (UUIDS[0], UUIDS[2])
    files[1].close()


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(("device", "num", "has"), [("cuda", 4, 3), ("cuda:1", 2, 1)])
def test_more_processes_than_gpus_are_refused(
    make_request: Callable[..., Request], device: str, num: int, has: int
) -> None:
    says = (
        f"{num} processes on GPUs need a GPU each, and --device {device} stands for {has} here: give a smaller --nproc"
    )
    with pytest.raises(UsageError, match=says), lease(make_request(device=device), never, num=num):
        pass


def test_processes_on_a_cpu_share_its_lock(make_request: Callable[..., Request]) -> None:
    with lease(make_request(), never, num=4) as gpus:
        assert gpus == ()


@pytest.mark.usefixtures("gpus")
def test_a_gpu_is_chosen_by_its_index_and_waited_for(make_request: Callable[..., Request], tmp_path: Path) -> None:
    said: list[str] = []
    with (tmp_path / f"finetune-bench-{UUIDS[1]}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def release(text: str) -> None:
            said.append(text)
            fcntl.flock(other, fcntl.LOCK_UN)

        with lease(make_request(device="cuda:1"), release) as gpus:
            assert gpus == (UUIDS[1],)
    assert said == ["another bench is measuring on this GPU; waiting"]


@pytest.mark.usefixtures("gpus")
def test_where_all_gpus_are_lent_the_first_free_one_is_taken(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    files = [(tmp_path / f"finetune-bench-{uuid}.lock").open("w") for uuid in UUIDS]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    said: list[str] = []

    def release(text: str) -> None:
        said.append(text)
        files[2].close()

    with lease(make_request(device="cuda"), release) as gpus:
        assert gpus == (UUIDS[2],)
    assert said == ["another bench is measuring on each of the 3 GPUs; waiting"]
    for file in files:
        file.close()


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("chosen", "visible"),
    [
        (None, UUIDS),
        ("2,0", [UUIDS[2], UUIDS[0]]),
        ("GPU-22", [UUIDS[1]]),
        (f"{UUIDS[1]}, {UUIDS[0]}", [UUIDS[1], UUIDS[0]]),
        ("1,7,0", [UUIDS[1]]),
        ("", []),
        ("-1", []),
        (MIG, [MIG]),
    ],
)
def test_hidden_gpus_are_not_lent(chosen: str | None, visible: list[str]) -> None:
    assert visible_gpus(chosen) == visible


@pytest.mark.usefixtures("no_nvml")
def test_gpus_named_in_full_need_no_listing(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", MIG)

    with lease(make_request(device="cuda"), never) as gpus:
        assert gpus == (MIG,)


@pytest.mark.usefixtures("no_nvml")
def test_without_a_driver_the_sentence_says_why(make_request: Callable[..., Request]) -> None:
    with (
        pytest.raises(UsageError, match=r"no usable GPU for --device cuda: .*LibraryNotFound.*--device cpu"),
        lease(make_request(device="cuda"), never),
    ):
        pass


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("device", "chosen", "sentence"),
    [
        ("cuda:3", None, "no usable GPU for --device cuda:3: 3 visible here; use --device cpu"),
        ("cuda", "", "no usable GPU for --device cuda: 0 visible here (CUDA_VISIBLE_DEVICES is ''); use --device cpu"),
        ("tpu", None, "unknown device 'tpu': give auto, cpu, cuda or cuda:INDEX"),
    ],
)
def test_a_device_that_is_not_there_is_a_usage_error(
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    chosen: str | None,
    sentence: str,
) -> None:
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)

    with pytest.raises(UsageError) as caught, lease(make_request(device=device), never):
        pass

    assert str(caught.value) == sentence


def test_a_lock_that_cannot_be_made_says_where_to_put_it(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path / "file"))

    with pytest.raises(UsageError, match="set BENCH_LOCK_DIR"), lease(make_request(), never):
        pass


def test_all_users_of_a_machine_look_in_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BENCH_LOCK_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    assert str(module._directory()) == "/tmp/finetune-bench"
