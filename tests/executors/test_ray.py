"""A Ray cluster of two nodes, with GPUs that are none: needs Ray, see `tox -e slow-cluster`."""

from __future__ import annotations

import json
import os
import signal
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import UsageError
from bench.executors.registry import Options
from bench.protocol import Stage
from tests.executors.conftest import asked_of, eventually, is_gone, spans_of
from tests.measuring.conftest import FakeNvml, compile_nvml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.executors.ray import RayExecutor
    from bench.protocol import Message, Request

ray = pytest.importorskip("ray", reason="needs Ray: tox -e slow-cluster")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")]

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address(entries_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two nodes on this machine; each has two processors, and one GPU of the two that a stand-in for NVML tells of."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415  (where there is Ray)

    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        FakeNvml(compile_nvml(folder), folder / "used", patch)
        patch.setenv("LD_LIBRARY_PATH", str(folder))
        patch.setenv("BENCH_LOCK_DIR", str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (entries_directory, HERE))))
        cluster = Cluster()
        for number in range(2):
            patch.setenv("CUDA_VISIBLE_DEVICES", str(number))
            cluster.add_node(num_cpus=2, num_gpus=1, include_dashboard=False)
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def executor(address: str, tmp_path: Path) -> Callable[..., RayExecutor]:
    from bench.executors.ray import RayExecutor  # noqa: PLC0415  (which imports Ray)

    def make(entry: str, **more: Any) -> RayExecutor:
        given = Options(**({"directory": tmp_path, "say": print, "address": address} | more))
        return RayExecutor(given, entry=f"tiny_entries:{entry}", preload=("bench.protocol",))

    return make


def test_eight_runs_on_two_gpus_and_a_worker_that_is_killed_are_eight_rows(
    executor: Callable[..., RayExecutor], make_request: Callable[..., Request]
) -> None:
    told: dict[int, list[str]] = {}

    def listen(request: Request, message: Message) -> None:
        if isinstance(message, Stage):
            told.setdefault(request.spec.seed, []).append(message.name)

    with executor("naps_or_kills_the_node_of_seed_1") as workers:
        records = list(workers.run(asked_of(make_request, 8), listen))

    statuses = {record.spec.seed: record.status for record in records}
    assert statuses == {seed: "killed" if seed == 1 else "ok" for seed in range(8)}
    assert {seed: told[seed] for seed in range(8)} == {seed: ["load", "train"] for seed in range(8)}
    (lost,) = (record for record in records if record.status == "killed")
    assert lost.reason is not None
    assert lost.reason.startswith(f"its worker on {lost.host} died")
    well = [record for record in records if record.status == "ok"]
    assert {record.device for record in well} == set(FakeNvml.uuids)
    together = [
        (one, other)
        for (one, span), (other, span2) in combinations(zip(well, spans_of(well), strict=True), 2)
        if max(span[0], span2[0]) < min(span[1], span2[1])
    ]
    assert together
    assert all(one.device != other.device for one, other in together)
    assert not any(flag.code == "shared-host" for record in well for flag in record.flags), "each had a GPU of its own"


def test_runs_of_one_seed_go_to_one_node_where_they_can(
    executor: Callable[..., RayExecutor], make_request: Callable[..., Request]
) -> None:
    requests = [
        one.model_copy(update={"spec": one.spec.model_copy(update={"steps": steps})})
        for one in asked_of(make_request, 2)
        for steps in (1, 2, 3)
    ]
    with executor("naps") as workers:
        records = list(workers.run(requests))
    devices = [{record.device for record in records if record.spec.seed == seed} for seed in (0, 1)]
    assert sorted(map(len, devices)) in ([1, 1], [1, 2]), "a worker that has nothing left to do takes what is left"
    assert {record.status for record in records} == {"ok"}


def test_a_ctrl_c_ends_the_workers_and_not_the_cluster(
    executor: Callable[..., RayExecutor], make_request: Callable[..., Request], tmp_path: Path
) -> None:
    def interrupt(_: Request, message: Message) -> None:
        if isinstance(message, Stage) and message.name == "train":
            signal.raise_signal(signal.SIGINT)

    requests = [one.model_copy(update={"save_model": str(tmp_path / "pids")}) for one in asked_of(make_request, 3)]
    with executor("hangs_in_a_run", concurrent=1) as workers:
        (record,) = workers.run(requests, interrupt)
        assert workers.interrupted
    assert (record.status, record.reason) == ("interrupted", "interrupted in train")
    assert [request.spec.seed for request in requests] == [1, 2]
    assert eventually(lambda: all(map(is_gone, json.loads((tmp_path / "pids").read_text()))))
    with executor("naps") as workers:
        assert [record.status for record in workers.run(asked_of(make_request, 1))] == ["ok"]


def test_a_device_that_the_cluster_does_not_have_is_said(
    executor: Callable[..., RayExecutor], make_request: Callable[..., Request]
) -> None:
    with executor("naps", accelerator="H9000") as workers, pytest.raises(UsageError, match="has no H9000 GPU for"):
        list(workers.run([make_request(device="cuda")]))


def test_where_no_cluster_is_it_is_said(executor: Callable[..., RayExecutor]) -> None:
    with pytest.raises(UsageError, match=r"--address 127\.0\.0\.1:1: no Ray cluster answers"):
        executor("naps", address="127.0.0.1:1").__enter__()
