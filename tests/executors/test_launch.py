from __future__ import annotations

import os

import pytest

from bench.errors import UsageError
from bench.executors.launch import Launch, check_started_once, launched
from bench.experiment.settings import Settings

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_RESTART_COUNT": "2",
}
SRUN = {
    "SLURM_JOB_ID": "1234",
    "SLURM_STEP_ID": "3",
    "SLURM_PROCID": "5",
    "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[003-004,9]",
    "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1",
}
HERE = Launch(0, 2, 0, "localhost", 29500, has_store=False)


def test_torchrun_says_which_process_this_is() -> None:
    assert launched(TORCHRUN) == Launch(5, 8, 1, "node1", 29500, has_store=True, attempt="2")


def test_srun_says_which_task_this_is_and_all_of_a_step_take_one_port() -> None:
    launch = launched(SRUN)
    assert launch is not None
    assert (launch.rank, launch.num, launch.local_rank, launch.address) == (5, 8, 1, "gpu003")
    assert not launch.has_store
    assert 20_000 <= launch.port < 30_000
    first, later = launched(SRUN | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}), launched(SRUN | {"SLURM_STEP_ID": "4"})
    assert first is not None
    assert later is not None
    assert first.port == launch.port != later.port
    chosen = launched(SRUN | {"MASTER_ADDR": "other", "MASTER_PORT": "7"})
    assert chosen is not None
    assert (chosen.address, chosen.port) == ("other", 7)


@pytest.mark.parametrize(
    ("nodes", "address"),
    [
        ("alone", "alone"),
        ("n1,n2", "n1"),
        ("rack-[07,09-11]-ib,n2", "rack-07-ib"),
        ("", "10.0.0.1"),
    ],
)
def test_the_first_node_of_a_list_is_where_rank_0_is(nodes: str, address: str) -> None:
    launch = launched(SRUN | {"SLURM_STEP_NODELIST": nodes})
    assert launch is not None
    assert launch.address == address


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WORLD_SIZE": "4"},
        TORCHRUN | {"WORLD_SIZE": "1"},
        SRUN | {"SLURM_NTASKS": "1"},
        {name: value for name, value in SRUN.items() if name != "SLURM_STEP_ID"},  # of a batch script
    ],
)
def test_one_process_is_started_alone(environ: dict[str, str]) -> None:
    assert launched(environ) is None


def test_what_is_missing_or_no_number_is_told() -> None:
    with pytest.raises(UsageError, match=r"^LOCAL_RANK is not set"):
        launched({name: value for name, value in TORCHRUN.items() if name != "LOCAL_RANK"})
    with pytest.raises(UsageError, match=r"^RANK is 'x', which is no number"):
        launched(TORCHRUN | {"RANK": "x"})
    with pytest.raises(UsageError, match="MASTER_ADDR, the address of the first, is not set"):
        launched({name: value for name, value in TORCHRUN.items() if name != "MASTER_ADDR"})


def test_all_of_them_share_each_run() -> None:
    assert HERE.share(Settings(), in_process=False).num_processes == 2
    assert HERE.share(Settings(num_processes=2), in_process=False).num_processes == 2
    with pytest.raises(UsageError, match="--nproc 3: 2 processes were started alike"):
        HERE.share(Settings(num_processes=3), in_process=False)
    for settings, in_process in (
        (Settings(), True),
        (Settings(executor="ray"), False),
        (Settings(concurrent=2), False),
    ):
        with pytest.raises(UsageError, match="leave out --in-process, --executor and --concurrent"):
            HERE.share(settings, in_process=in_process)


def test_a_process_sees_the_gpu_of_its_number_or_the_one_that_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (f"GPU-0000000{number}-0000-0000-0000-000000000000" for number in range(2))

    def seen(visible: str, local_rank: int) -> str:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        Launch(local_rank, 4, local_rank, "localhost", 1, has_store=False).take_device()
        return os.environ["CUDA_VISIBLE_DEVICES"]

    assert [seen(f"{first},{second}", number) for number in range(3)] == [first, second, ""]
    assert seen(second, 3) == second
    assert seen("", 1) == ""


def test_one_of_several_is_refused_where_each_would_carry_out_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    check_started_once()
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="this is one of 8 processes that were started alike"):
        check_started_once()
