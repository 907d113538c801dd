"""Runs on the nodes of a Ray cluster: a worker for each GPU, or for each node, carries out one run after the other."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.errors import BenchError, UsageError, first_line
from bench.executors.far import FarRun
from bench.executors.node import Terms
from bench.executors.ray_places import find_places
from bench.executors.ray_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from bench.executors.ray_places import Place
    from bench.executors.registry import Options
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    OnEvent = Callable[[Request, Message], None]

__all__ = ["RayExecutor"]

POLL_SECONDS = 0.5
ANSWER_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class _Seat:
    """A worker at its place, and the run that it carries out."""

    at: Place
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
                **self.at.needs,
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(self.at.node, soft=False),
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
    _places: list[_Seat] = field(default_factory=list)
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
        if not self._places:
            self._places = [
                _Seat(at, Terms.of(self.options, at.num_slots, self.entry, self.preload))
                for at in find_places(ray.nodes(), self.options, requests[0].spec.device)
            ]
        for place in self._places:
            if place.actor is None:
                place.begin()
            if requests and place.ready is None and place.run is None:
                request = self._chosen(requests, place.at.node)
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
                yield place.run.lost("killed", f"its worker on {place.at.host} died: {_said(error)}", place.at.host)
                place.end()
                continue
            if record := place.run.hear(line):
                place.run = place.lines = None
                yield record


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


def _said(error: RayError) -> str:
    """What went wrong, in one line; of an exception in the worker that one."""
    return first_line(getattr(error, "cause", None) or error)


def _check_begun(place: _Seat) -> None:
    try:
        ray.get(place.ready)
    except RayError as error:
        raise BenchError(
            f"no worker can be started on {place.at.host}: {_said(error)}; bench and Ray must be installed there as here"
        ) from error
