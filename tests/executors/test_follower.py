"""Whole comparisons whose processes torchrun starts, and srun as far as its environment variables go. How one run fares: `test_followers`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.executors.conftest import eventually, is_gone
from tests.executors.test_link import free_port

if TYPE_CHECKING:
    from bench.records.record import RunRecord

PATIENCE_SECONDS = 400
GONE_SECONDS = 40
ROOT = str(Path(__file__).parents[2])
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2")


class Comparisons:
    """Starts comparisons of a tiny model, each with its results directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        model, data = save_tiny_llama(folder / "tiny"), save_toy_reviews(folder / "reviews.csv")
        self._words = ["--model", str(model), "--dataset", str(data), "--device", "cpu", "--batch-size", "8"]
        self._words += ["--train-samples", "24", "--eval-samples", "12", "--no-forecast"]

    def start(
        self, out: str, *words: str, by: tuple[str, ...] = (), environ: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        launcher = [*by, f"--master-port={free_port()}"] if by else []
        command = [sys.executable, *launcher, "-m", "bench", "compare", *self._words, *words]
        command += ["--out", str(self.folder / out)]
        own = {"BENCH_CACHE_DIR": str(self.folder / "cache"), "BENCH_LOCK_DIR": str(self.folder), "PYTHONPATH": ROOT}
        return subprocess.Popen(
            command, env=os.environ | own | (environ or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def tasks(self, out: str, *words: str) -> list[subprocess.Popen[str]]:
        """Start two as srun does on one node."""
        step = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_STEP_NODELIST": "localhost"}
        step["MASTER_PORT"] = str(free_port())
        numbers = ({"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)} for rank in range(2))
        return [self.start(out, *words, environ=step | number) for number in numbers]

    def records(self, out: str) -> list[RunRecord]:
        return Store(self.folder / out).read_all()


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> Comparisons:
    return Comparisons(tmp_path_factory.mktemp("comparisons"))


def losses(records: list[RunRecord]) -> dict[str, tuple[float, ...]]:
    assert all(record.measured for record in records), [record.reason for record in records]
    return {record.spec.name: record.measured.losses for record in records if record.measured}


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def run_process_of(rank: str, started: list[subprocess.Popen[str]]) -> psutil.Process | None:
    """The process of a run that a rank has started; its fork server has the environment of who started that."""
    for one in (it for process in started for it in below(process)):
        with suppress(psutil.Error):
            server = one.parent()
            if server is None or "forkserver" not in " ".join(server.cmdline()):
                continue
            environ = server.environ()
            if environ.get("RANK", environ.get("SLURM_PROCID")) == rank:
                return one
    return None


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_torchrun_and_srun_compare_as_nproc_does_with_one_report(comparisons: Comparisons) -> None:
    words = ("--strategies", "full,full+shard", "--steps", "3")
    alone = comparisons.start("alone", *words, "--nproc", "2")
    said_alone, _ = alone.communicate(timeout=PATIENCE_SECONDS)
    assert alone.returncode == 0
    by_torchrun = comparisons.start("torchrun", *words, by=TORCHRUN)
    said, errors = by_torchrun.communicate(timeout=PATIENCE_SECONDS)
    assert by_torchrun.returncode == 0, errors
    assert said.count("report: ") == said_alone.count("report: ") == 1
    assert errors.count("run 2 of 2") == 1
    expected = losses(comparisons.records("alone"))
    assert len(expected) == 2
    assert losses(comparisons.records("torchrun")) == expected
    assert {record.spec.num_processes for record in comparisons.records("torchrun")} == {2}
    first, second = comparisons.tasks("srun", *words)
    said, errors = first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 0, errors
    assert second.communicate(timeout=GONE_SECONDS) == ("", "")
    assert second.returncode == 0
    assert said.count("report: ") == 1
    assert losses(comparisons.records("srun")) == expected


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_wrong_request_is_one_line_of_rank_0(comparisons: Comparisons) -> None:
    first, second = comparisons.tasks("wrong", "--nproc", "3")
    assert first.communicate(timeout=PATIENCE_SECONDS) == (
        "",
        "bench: --nproc 3: 2 processes were started alike, which share each run; leave --nproc out\n",
    )
    assert second.communicate(timeout=GONE_SECONDS) == ("", "")
    assert (first.returncode, second.returncode) == (2, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_follower_s_process_that_is_killed_is_one_row_and_the_next_run_goes_on(comparisons: Comparisons) -> None:
    process = comparisons.start("killed", "--strategies", "full", "--steps", "400", "--seeds", "2", by=TORCHRUN)
    assert process.stderr is not None
    try:
        assert any("will take about" in line for line in process.stderr), "what comes before the first run is over"
        assert eventually(lambda: run_process_of("1", [process]) is not None, PATIENCE_SECONDS)
        killed = run_process_of("1", [process])
        assert killed is not None
        killed.kill()
        said, errors = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode != 0, "a run failed"
    first, second = comparisons.records("killed")
    assert first.status == "killed", errors
    assert str(first.reason).startswith("rank 1 of 2: its process was ended by SIGKILL")
    assert second.status == "ok", second.reason
    assert said.count("report: ") == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("launcher", ["torchrun", "srun"])
def test_with_rank_0_all_ends_and_no_process_is_left(comparisons: Comparisons, launcher: str) -> None:
    words = ("--strategies", "full", "--steps", "100000")
    out = f"lost by {launcher}"
    is_srun = launcher == "srun"
    started = comparisons.tasks(out, *words) if is_srun else [comparisons.start(out, *words, by=TORCHRUN)]
    try:
        assert eventually(lambda: all(run_process_of(rank, started) for rank in "01"), PATIENCE_SECONDS)
        time.sleep(2)
        processes = [one for process in started for one in below(process)]
        training = run_process_of("0", started)
        assert training is not None
        leader = training.parents()[1]  # its parent is the fork server
        leader.kill()
        assert all(process.wait(GONE_SECONDS) for process in started), "none ends well"
        assert eventually(lambda: all(is_gone(one.pid) for one in processes), GONE_SECONDS)
    finally:
        for process in started:
            process.kill()
            process.communicate()
