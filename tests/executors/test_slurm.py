from __future__ import annotations

import json
import os
import re
import shlex
import signal
import threading
import time
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import UsageError
from bench.executors.registry import Options
from bench.executors.slurm import SlurmExecutor, sbatch_parameters
from bench.protocol import Planned, Stage
from tests.executors.conftest import asked_of, eventually, is_gone, spans_of
from tests.executors.fake_slurm import install

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request

submitit = pytest.importorskip("submitit")

OPTIONS_OF_SBATCH = frozenset(
    [
        "account",
        "array",
        "comment",
        "constraint",
        "cpus-per-task",
        "error",
        "exclude",
        "exclusive",
        "gpus-per-node",
        "gres",
        "job-name",
        "mem",
        "no-requeue",
        "nodelist",
        "nodes",
        "ntasks-per-node",
        "open-mode",
        "output",
        "partition",
        "qos",
        "requeue",
        "signal",
        "time",
        "wckey",
    ]
)
"""Long options in the manual of sbatch, of those that a run might be asked for with."""


def options(directory: Path, **more: Any) -> Options:
    return Options(directory=directory, say=print, **more)


def executor(directory: Path, entry: str, **more: Any) -> SlurmExecutor:
    return SlurmExecutor(options(directory, **more), entry=f"tiny_entries:{entry}", preload=("bench.protocol",))


def sbatch_of(directory: Path, device: str, num_jobs: int | None = None, **more: Any) -> dict[str, str]:
    """The options in the text that is submitted."""
    text = submitit.slurm.slurm._make_sbatch_string(
        command="true", folder=directory, map_count=num_jobs, **sbatch_parameters(options(directory, **more), device)
    )
    found = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", text, re.MULTILINE)
    assert "srun" not in text
    return {name: "".join(shlex.split(value)) for name, value in found}


def test_a_job_has_a_gpu_is_never_queued_again_and_asks_for_nothing_that_slurm_does_not_have(tmp_path: Path) -> None:
    asked = sbatch_of(tmp_path, "cuda", partition="gpu", accelerator="h100", sbatch="account=lab, time=60,--mem=32G")
    assert asked.keys() <= OPTIONS_OF_SBATCH
    assert (asked["partition"], asked["gres"], asked["account"], asked["time"], asked["mem"]) == (
        "gpu", "gpu:h100:1", "lab", "60", "32G"
    )  # fmt: skip
    assert "no-requeue" in asked
    assert not asked.keys() & {"requeue", "exclusive", "array", "wckey"}
    assert "time" not in sbatch_of(tmp_path, "cuda"), "the partition has a limit of its own"
    assert sbatch_of(tmp_path, "cuda")["gres"] == "gpu:1"


def test_on_a_cpu_a_run_has_its_node_to_itself_unless_several_at_a_time_are_asked_for(tmp_path: Path) -> None:
    assert "exclusive" in sbatch_of(tmp_path, "cpu")
    asked = sbatch_of(tmp_path, "cpu", num_jobs=8, concurrent=2)
    assert "exclusive" not in asked
    assert asked["array"] == "0-7%2"
    assert not asked.keys() & {"gres", "gpus-per-node"}


def test_what_is_no_option_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--sbatch: '=60' is no NAME=VALUE"):
        sbatch_parameters(options(tmp_path, sbatch="account=lab,=60"), "cpu")


def test_without_slurm_it_is_said_what_to_do(
    make_request: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with executor(tmp_path, "well") as slurm, pytest.raises(UsageError, match=r"srun was not found.*--address local"):
        list(slurm.run([make_request()]))
    with executor(tmp_path, "well", address="head:1") as slurm, pytest.raises(UsageError, match="it is local, or left"):
        list(slurm.run([make_request()]))


@pytest.fixture
def _nodes(entries_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started find the entries, and what this one finds."""
    here = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (entries_directory, here))))


@pytest.mark.slow
@pytest.mark.usefixtures("_nodes")
def test_jobs_here_are_rows_with_all_they_said_and_one_that_dies_costs_its_row_alone(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    said: dict[int, list[type[Message]]] = {}

    def listen(request: Request, message: Message) -> None:
        said.setdefault(request.spec.seed, []).append(type(message))

    with executor(tmp_path, "kills_the_node_of_seed_1", address="local", concurrent=2) as slurm:
        records = {record.spec.seed: record for record in slurm.run(asked_of(make_request, 3, device="cpu"), listen)}

    assert {seed: record.status for seed, record in records.items()} == {0: "ok", 1: "killed", 2: "ok"}
    assert said[0] == said[2] == [Stage, Planned, Stage]
    assert re.fullmatch(r"job \d+ ended as \w+ and left no record; see .*\.err", records[1].reason or "")
    assert {record.device for seed, record in records.items() if seed != 1} <= {"cpu slot 1 of 2", "cpu slot 2 of 2"}
    assert (tmp_path / "jobs").is_dir(), "who looks for the cause finds its files"


@pytest.mark.slow
@pytest.mark.usefixtures("_nodes")
def test_a_refusal_is_what_is_said_and_nothing_of_the_jobs_that_are_cancelled(
    make_request: Callable[..., Request], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        executor(tmp_path, "refuses_a_run", address="local", concurrent=2) as slurm,
        pytest.raises(UsageError, match="no column 'x'"),
    ):
        list(slurm.run(asked_of(make_request, 2, device="cpu")))
    assert capfd.readouterr().err == ""


@pytest.fixture
def slurm_here(_nodes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM that stands for one; its jobs are files."""
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'slurm')}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "slurm" / "jobs"


@pytest.mark.parametrize("array", [pytest.param(False, marks=pytest.mark.slow), True])
def test_every_run_is_a_job_alone_or_all_are_one_array(
    make_request: Callable[..., Request], tmp_path: Path, slurm_here: Path, *, array: bool
) -> None:
    with executor(tmp_path, "naps", concurrent=2, array=array) as slurm:
        records = list(slurm.run(asked_of(make_request, 3, device="cpu")))
    assert sorted((record.spec.seed, record.status) for record in records) == [(0, "ok"), (1, "ok"), (2, "ok")]
    assert len(list(slurm_here.glob("*.sh"))) == (1 if array else 3)
    assert {flag.code for record in records for flag in record.flags} == {"shared-host"}
    together = [
        pair
        for pair in combinations(zip(records, spans_of(records), strict=True), 2)
        if max(span[0] for _, span in pair) < min(span[1] for _, span in pair)
    ]
    assert all(one.device != other.device for (one, _), (other, _) in together)
    assert not (tmp_path / "jobs").exists(), "nothing went wrong"


def test_a_ctrl_c_cancels_what_was_submitted_and_nothing_else(
    make_request: Callable[..., Request], tmp_path: Path, slurm_here: Path
) -> None:
    (slurm_here / "7").write_text("0 RUNNING")  # somebody else's
    pids = tmp_path / "pids"
    requests = [
        request.model_copy(update={"save_model": str(pids)}) for request in asked_of(make_request, 2, device="cpu")
    ]

    def interrupt() -> None:
        eventually(pids.exists)
        time.sleep(0.2)
        signal.raise_signal(signal.SIGINT)

    with executor(tmp_path, "hangs_in_a_run", concurrent=1) as slurm:
        threading.Thread(target=interrupt).start()
        (record,) = slurm.run(requests)
    assert record.status == "interrupted"
    assert [request.spec.seed for request in requests] == [1]
    assert slurm.interrupted
    assert eventually(lambda: all(map(is_gone, json.loads(pids.read_text()))))
    states = {job.name: job.read_text().partition(" ")[2] for job in slurm_here.iterdir() if not job.suffix}
    assert states.pop("7") == "RUNNING"
    assert {state.partition(" ")[0] for state in states.values()} == {"CANCELLED"}
