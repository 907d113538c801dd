"""Runs on the nodes of a Ray cluster: a worker for each GPU, or for each node, carries out one run after the other."""

from __future__ import annotations

import signal
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.errors import BenchError, UsageError, first_line
from bench.executors.far import FarRun
from bench.executors.node import Terms
from bench.executors.ray_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from bench.executors.registry import Options
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    OnEvent = Callable[[Request, Message], None]

__all__ = ["RayExecutor"]

POLL_SECONDS = 0.5
ANSWER_SECONDS = 10.0
_KIND = "accelerator_type:"


@dataclass(slots=True, eq=False)
class _Place:
    """Where one run at a time is carried out: a GPU, a node or a share of it."""

    node: str
    host: str
    needs: dict[str, float]
    terms: Terms
    actor: Any = None
    ready: Any = None
    """Ray's promise of a worker; None once it is there."""
    run: FarRun | None = None
    lines: Any = None

    def begin(self) -> None:
        """Ask for a worker."""
        self.actor = (
            ray.remote(Worker)
            .options(
                **self.needs,
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(self.node, soft=False),
            )
            .remote(self.terms.model_dump_json())
        )
        self.ready = self.actor.ready.remote()

    def ask(self, run: FarRun) -> None:
        """Let the worker carry out a run."""
        self.run = run
        self.lines = self.actor.carry_out.options(num_returns="streaming").remote(run.request.model_dump_json())

    def end(self) -> None:
        """End the worker, and with it the processes of its run."""
        if self.actor is not None:
            ray.kill(self.actor, no_restart=True)
        self.actor = self.ready = self.run = self.lines = None


@dataclass(slots=True)
class RayExecutor:
    """Carries out runs on a Ray cluster; a context manager."""

    options: Options
    entry: str = "bench.worker:main"
    preload: tuple[str, ...] | None = None
    interrupted: bool = False
    _places: list[_Place] = field(default_factory=list)
    _homes: dict[int, str] = field(default_factory=dict)
    """The node of a seed, whose runs are to be compared with one another."""

    def __enter__(self) -> Self:
        _check_answers(self.options.address)
        alone = {} if self.options.address else {"include_dashboard": False}
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(self.options.address, logging_level="error", log_to_driver=False, **alone)
        except (ConnectionError, RuntimeError, ValueError, RayError) as error:
            raise UsageError(
                f"--address {self.options.address}: no Ray cluster answers: {first_line(error)}"
            ) from error
        finally:
            if handler is not None:
                signal.signal(signal.SIGTERM, handler)  # which Ray has put its own in the place of
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._places:
            place.end()
        ray.shutdown()

    def run(self, requests: list[Request], on_event: OnEvent | None = None, /) -> Generator[RunRecord]:
        """Carry out all requests, and yield a record of each as it ends; where a worker dies, that is its run's record.

        Raises:
            UsageError: a request cannot be carried out as it stands, or the cluster has no such device.
            BenchError: no worker can be started.

        """
        try:
            while self._is_busy or (requests and not self.interrupted):
                ended: list[RunRecord] = []
                try:
                    if requests and not self.interrupted:
                        self._assign(requests, on_event)
                    ended += self._hear()
                except KeyboardInterrupt:
                    self.interrupted = True
                    for place in self._places:
                        ended += [place.run.interrupted()] if place.run else []
                        place.end()
                yield from ended
        finally:
            for place in self._places:
                if place.run:
                    place.end()

    @property
    def _is_busy(self) -> bool:
        return any(place.run for place in self._places)

    def _assign(self, requests: list[Request], on_event: OnEvent | None) -> None:
        """Give every worker that is there and free a run, of the seed of its node where one is left."""
        self._places = self._places or self._found(requests[0].spec.device)
        for place in self._places:
            if place.actor is None:
                place.begin()
            if requests and place.ready is None and place.run is None:
                request = self._chosen(requests, place.node)
                requests.remove(request)
                place.ask(FarRun(request, on_event))

    def _chosen(self, requests: list[Request], node: str) -> Request:
        of_node = (it for it in requests if self._homes.get(it.spec.seed) == node)
        of_none = (it for it in requests if it.spec.seed not in self._homes)
        request = next(of_node, None) or next(of_none, None) or requests[0]
        if request.mode == "run":
            self._homes.setdefault(request.spec.seed, node)
        return request

    def _hear(self) -> Iterator[RunRecord]:
        """Wait a little for workers and for lines; yield the records that have come."""
        awaited = {
            it.ready if it.ready is not None else it.lines: it
            for it in self._places
            if it.ready is not None or it.lines is not None
        }
        heard, _ = ray.wait(list(awaited), num_returns=1, timeout=POLL_SECONDS)
        for promise in heard:
            place = awaited[promise]
            if place.ready is not None:
                _check_begun(place)
                place.ready = None
                continue
            assert place.run is not None, "it sends lines"
            try:
                line = ray.get(next(place.lines, None) or ray.put("lost its worker sent no record"))
            except RayError as error:
                yield place.run.lost("killed", f"its worker on {place.host} died: {_said(error)}", place.host)
                place.end()
                continue
            if record := place.run.hear(line):
                place.run = place.lines = None
                yield record

    def _found(self, device: str) -> list[_Place]:
        """Find a place for each run that the cluster carries out at a time: on GPUs of one kind, or one on each node.

        Raises:
            UsageError: there is no such device, or there are several kinds.

        """
        nodes = [node for node in ray.nodes() if node["Alive"]]
        resource = "GPU" if device == "cuda" else "CPU"
        nodes = [node for node in nodes if node["Resources"].get(resource)]
        kinds = {_kind(node) for node in nodes} if device == "cuda" else set()
        if self.options.accelerator is not None:
            nodes = [node for node in nodes if _kind(node) == self.options.accelerator]
        elif len(kinds) > 1:
            told = ", ".join(sorted(kind or "unknown" for kind in kinds))
            raise UsageError(
                f"the Ray cluster has GPUs of several kinds, {told}, and what is compared is measured on one: give --accelerator"
            )
        if not nodes:
            wanted = f"{self.options.accelerator} GPU" if self.options.accelerator else resource
            raise UsageError(f"the Ray cluster has no {wanted} for --device {device}")
        each = [int(node["Resources"]["GPU"]) if device == "cuda" else 1 for node in nodes]
        most = self.options.concurrent or sum(each)
        spread = [
            node for turn in range(most) for node, num in zip(nodes, each, strict=True) if turn < num or device == "cpu"
        ]
        taken = spread[:most]
        of_host, of_node = (Counter(node[key] for node in taken) for key in ("NodeManagerHostname", "NodeID"))
        return [
            _Place(
                node["NodeID"],
                node["NodeManagerHostname"],
                {"num_gpus": 1} if device == "cuda" else {"num_cpus": _share(node, of_node[node["NodeID"]])},
                Terms.of(self.options, of_host[node["NodeManagerHostname"]], self.entry, self.preload),
            )
            for node in taken
        ]


def _check_answers(address: str | None) -> None:
    """Knock where a cluster is to be, as Ray waits minutes for one that is not there."""
    host, colon, port = (address or "").partition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise UsageError(
            f"--address {address}: no Ray cluster answers: {error.strerror or first_line(error)}"
        ) from error


def _kind(node: dict[str, Any]) -> str | None:
    return next((name.removeprefix(_KIND) for name in node["Resources"] if name.startswith(_KIND)), None)


def _share(node: dict[str, Any], num_places: int) -> float:
    """The CPUs of a node that each of its places takes, so that no other task of the cluster takes them."""
    num_cpus = int(node["Resources"]["CPU"])
    return num_cpus // num_places if num_cpus >= num_places else num_cpus / num_places


def _said(error: RayError) -> str:
    """What went wrong, in one line; of an exception in the worker that one."""
    return first_line(getattr(error, "cause", None) or error)


def _check_begun(place: _Place) -> None:
    try:
        ray.get(place.ready)
    except RayError as error:
        raise BenchError(
            f"no worker can be started on {place.host}: {_said(error)}; bench and Ray must be installed there as here"
        ) from error
