"""One matrix of runs by every executor: here, on a Ray cluster of this machine, and as jobs that are processes of this machine."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import bench
from bench.errors import UsageError
from bench.executors.node import Job
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.executors.conftest import spans_of

if TYPE_CHECKING:
    from datetime import datetime

    from bench.records.record import RunRecord

QUIETLY = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("asked")
    model, data = save_tiny_llama(folder / "tiny", num_layers=2), save_toy_reviews(folder / "reviews.csv")
    quickly = {"steps": 400, "device": "cpu", "progress": False, "forecast": False}
    return {"model": model, "data": data, "strategies": "full,freeze:last=1+cached", "seeds": 4, **quickly}


@pytest.fixture(autouse=True)
def _places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def rows_of(directory: Path) -> dict[tuple[str, int], RunRecord]:
    return {(record.spec.name, record.spec.seed): record for record in Store(directory).read_all()}


@pytest.fixture(scope="module")
def expected(asked: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], RunRecord]:
    """The same runs one after the other in processes of this machine."""
    directory = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("BENCH_LOCK_DIR", str(tmp_path_factory.getbasetemp()))
        patch.setenv("OMP_NUM_THREADS", "1")
        bench.compare(**asked, out=directory)
    return rows_of(directory)


def check(found: dict[tuple[str, int], RunRecord], expected: dict[tuple[str, int], RunRecord]) -> None:
    """They learnt the same, in records of the same fields, and say that they shared a machine."""
    assert found.keys() == expected.keys()
    for key, record in found.items():
        before = expected[key]
        assert record.measured is not None, record.reason
        assert before.measured is not None
        assert record.measured.losses == before.measured.losses
        assert record.measured.evaluation.predictions == before.measured.evaluation.predictions
        assert record.model_dump().keys() == before.model_dump().keys()
        assert (
            record.measured.model_dump(exclude_none=True).keys() == before.measured.model_dump(exclude_none=True).keys()
        )
        assert "shared-host" in {flag.code for flag in record.flags}
        assert record.host == before.host


def in_progress(records: list[RunRecord], at: datetime) -> list[RunRecord]:
    return [record for record, (start, end) in zip(records, spans_of(records), strict=True) if start <= at < end]


def check_two_at_a_time(records: list[RunRecord], *, share: float = 0.5) -> None:
    """Two are in progress together for more than a share of the busy time, never three, and no two on one device."""
    moments = sorted({moment for span in spans_of(records) for moment in span})
    busy = together = 0.0
    for start, end in pairwise(moments):
        running = in_progress(records, start)
        seconds = (end - start).total_seconds()
        assert len(running) <= 2
        assert len({record.device for record in running}) == len(running)
        busy += seconds if running else 0
        together += seconds if len(running) == 2 else 0
    assert together > share * busy, (together, busy)


def kill_a_node(jobs: Path) -> tuple[str, int]:
    """Kill the process that carries out one of the jobs, in mid-training; return the strategy and the seed of its run."""
    for _ in range(3000):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                words = process.cmdline()
                if "bench.executors.node" in words and '"name":"train"' in read(Path(words[-1])):
                    request = Job.model_validate_json(Path(words[-2]).read_bytes()).request
                    if request.mode == "run" and request.spec.seed == 1:
                        process.kill()
                        return request.spec.name, request.spec.seed
        time.sleep(0.02)
    raise AssertionError(f"no run of {jobs} has begun")


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


@pytest.mark.slow
@QUIETLY
def test_two_workers_of_ray(asked: dict[str, Any], expected: dict[tuple[str, int], RunRecord], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray: tox -e slow-cluster")
    result = bench.compare(**asked, out=tmp_path, executor="ray", concurrent=2)
    found = rows_of(tmp_path)
    check(found, expected)
    check_two_at_a_time(list(found.values()))
    (comparison,) = result.comparisons
    assert all(one.means["samples_per_second"] is None for one in comparison.results)
    assert set(comparison.ranking.names) == {"full", "freeze:last=1+cached"}


@pytest.mark.slow
@QUIETLY
def test_eight_jobs_of_which_one_is_killed_are_eight_rows_and_another_executor_runs_that_one_again(
    asked: dict[str, Any], expected: dict[tuple[str, int], RunRecord], tmp_path: Path
) -> None:
    pytest.importorskip("submitit")
    killed: list[tuple[str, int]] = []
    killer = threading.Thread(target=lambda: killed.append(kill_a_node(tmp_path / "jobs")))
    killer.start()
    bench.compare(**asked, out=tmp_path, executor="slurm", address="local", concurrent=2)
    killer.join()
    found = rows_of(tmp_path)
    assert found.keys() == expected.keys()
    assert len(found) == 8
    lost = found.pop(killed[0])
    assert lost.status == "killed"
    assert re.fullmatch(r"job \d+ ended as \w+ and left no record; see .*\.err", lost.reason or "")
    assert {(record.status, record.reason) for record in found.values()} == {("ok", None)}
    # That one is gone is known after a while, in which there is one; then one job may start while the other trains.
    check_two_at_a_time(list(found.values()), share=0)
    bench.compare(**asked, out=tmp_path, concurrent=2, resume=True)
    now = rows_of(tmp_path)
    check(now, expected)
    assert {key: now[key] for key in found} == found, "none ran again"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"executor": "slrum"}, "unknown executor 'slrum'. Did you mean slurm"),
        ({"executor": "slurm", "device": "auto"}, "device='auto': give cpu or cuda"),
        ({"executor": "slurm", "device": "cuda:1"}, "device='cuda:1': give cpu or cuda"),
        ({"array": True}, "array=True is for executor='slurm', not for local"),
        ({"executor": "slurm", "in_process": True}, "in_process=True is one run at a time"),
        ({"concurrent": 2, "in_process": True}, "in_process=True is one run at a time"),
        ({"concurrent": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_request_is_said_before_any_run(
    asked: dict[str, Any], tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        bench.compare(**{**asked, "out": tmp_path / "out"} | given)
    assert said in str(caught.value)
    assert not (tmp_path / "out").exists()
