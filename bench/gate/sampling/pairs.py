"""A pair: one fresh process per side, in turns, so that whatever slows the machine slows both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from bench.gate.judging.pairs import SIDES, PairResult, Sample, SideFailure, SideName
from bench.gate.sampling.sample import NUM_UNJUDGED_STEPS, read_sample
from bench.records.endings import how_it_ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.experiment.spec import RunSpec
    from bench.gate.sampling.server import Server

__all__ = ["take_pair", "try_out", "turns_of"]

_KINDS: Mapping[str, Literal["crash", "diverged", "oom"]] = {"failed": "crash", "diverged": "diverged", "oom": "oom"}
"""Of failures, by the status of a run."""


def turns_of(num_steps: int, length: int) -> tuple[int, ...]:
    """Split a run into turns of `length` steps: the first is the warm-up, and the last has the remaining steps."""
    num, left = divmod(num_steps - NUM_UNJUDGED_STEPS, length)
    return (NUM_UNJUDGED_STEPS, *(length,) * (num - 1), length + left)


def take_pair(
    servers: Mapping[SideName, Server],
    spec: RunSpec,
    *,
    begins: SideName,
    turns: Sequence[int],
    waits: bool,
    timeout: float,
    cores: Sequence[int] | None = None,
) -> PairResult:
    """Train once on each side, `begins` first, both on the same `cores`.

    They take turns of `length` steps; without `waits`, one trains from beginning to end, then the other.
    """
    runs = {side: _Run(servers[side], spec, turns, timeout, waits=waits, cores=cores) for side in SIDES}
    order = (begins, *(side for side in SIDES if side != begins))
    while any(runs[side].is_running for side in order):
        for side in order:
            runs[side].begin_turn()
            runs[side].end_turn()
    return PairResult(spec.seed, runs["base"].outcome, runs["head"].outcome)


def try_out(
    servers: Mapping[SideName, Server], spec: RunSpec, *, timeout: float, shares_imports: bool = True
) -> PairResult:
    """Train once on both sides at the same time, to see whether they can, and to fill caches.

    With `shares_imports`, both sides then import what either needs, so that their memory differs by their own code alone.
    """
    runs = {side: _Run(servers[side], spec, (NUM_UNJUDGED_STEPS,), timeout, waits=False) for side in SIDES}
    for run in runs.values():
        run.begin_turn()
    for run in runs.values():
        run.end_turn()
    taken = PairResult(spec.seed, runs["base"].outcome, runs["head"].outcome)
    if shares_imports and taken.samples:
        names = list(dict.fromkeys(name for run in runs.values() for name in run.imported))
        for server in servers.values():
            server.order("import", names=names)
    return taken


class _Run:
    """One run of a side, from the order to its last message."""

    def __init__(
        self,
        server: Server,
        spec: RunSpec,
        lengths: Sequence[int],
        timeout: float,
        *,
        waits: bool,
        cores: Sequence[int] | None = None,
    ) -> None:
        # An older side does not know every setting, but must know those that were chosen.
        request = {"spec": spec.model_dump(mode="json", exclude_defaults=True)}
        self._order: dict[str, Any] = {"request": request, "turns": lengths, "waits": waits, "cores": cores}
        self.imported: list[str] = []
        """Modules that it had to import; known at its end."""
        self._server, self._waits = server, waits
        self._seconds = timeout
        """Seconds left to it; waiting for its turn does not count."""
        self._began: float | None = None
        self._turns: list[tuple[int, float]] = []
        """Steps and seconds of each turn."""
        self._last: dict[str, Any] = {}
        self._outcome: Sample | SideFailure | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._outcome is None

    @property
    def outcome(self) -> Sample | SideFailure:
        """Its result, once it has ended."""
        assert self._outcome is not None
        return self._outcome

    def begin_turn(self) -> None:
        """Let it continue, unless it has ended."""
        if self._outcome is not None:
            return
        try:
            if self._began is None:
                self._server.order("run", **self._order)
            else:
                self._server.order("go")
        except SideFailure as failure:
            self._outcome = failure
        self._began = time.monotonic()

    def end_turn(self) -> None:
        """Wait until its turn or the run ends."""
        began = self._began or time.monotonic()
        try:
            while self._outcome is None and not self._hear(began + self._seconds):
                pass
        except SideFailure as failure:
            self._outcome = failure
        self._seconds -= time.monotonic() - began

    def _hear(self, deadline: float) -> bool:
        """Receive the next message; returns whether the turn is over."""
        message = self._server.receive(deadline)
        kind = message["kind"]
        if kind == "turn":
            self._turns.append((message["steps"], message["seconds"]))
        elif kind in ("finished", "failed", "escaped"):
            self._last = message
        elif kind == "imported":
            self.imported = message["names"]
        elif kind == "exit":
            self._outcome = self._conclude(message["code"])
        return kind == "turn" and self._waits and not message["is_last"]

    def _conclude(self, code: int) -> Sample | SideFailure:
        last = self._last
        match last.get("kind"):
            case "finished":
                return read_sample(last, self._turns)
            case "failed":
                if last["usage"]:
                    return SideFailure(last["reason"], "usage")
                status = last["status"]
                return SideFailure(f"its run {status}: {last['reason']}", _KINDS.get(status, "other"))
            case "escaped":
                return SideFailure(f"it does not understand the request: {last['reason']}")
            case _:
                return SideFailure(how_it_ended(code, oom_kills=None)[1], "crash")
