"""A pair: one fresh process per side, which take turns, so that whatever slows the machine slows both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.executors.outcome import how_it_ended
from bench.gate.judging.pairs import SIDES, Sample, SideName, Taken, Trouble
from bench.gate.sampling.sample import NUM_UNJUDGED_STEPS, read_sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.experiment.spec import RunSpec
    from bench.gate.sampling.server import Server

__all__ = ["fill_caches", "take_pair", "try_out", "turns_of"]


def turns_of(num_steps: int, length: int) -> tuple[int, ...]:
    """Cut a run into turns of so many steps: the warm-up is the first, and whatever is left belongs to the last."""
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
) -> Taken:
    """Train once on each side, the one that `begins` first, both on the same `cores`.

    They take turns of so many steps each; without `waits`, one trains from beginning to end, then the other.
    """
    runs = {side: _Run(servers[side], spec, turns, timeout, waits=waits, cores=cores) for side in SIDES}
    order = (begins, *(side for side in SIDES if side != begins))
    while any(runs[side].is_running for side in order):
        for side in order:
            runs[side].begin_turn()
            runs[side].end_turn()
    return Taken(spec.seed, runs["base"].outcome, runs["head"].outcome)


def fill_caches(servers: Mapping[SideName, Server], spec: RunSpec, *, timeout: float) -> Taken:
    """Train once on both sides at the same time, so that later runs find every cache filled."""
    taken, _ = _at_once(servers, spec, timeout)
    return taken


def try_out(servers: Mapping[SideName, Server], spec: RunSpec, *, timeout: float) -> Taken:
    """Train once on both sides at the same time, to find out whether they can, and so that later runs import nothing."""
    taken, names = _at_once(servers, spec, timeout)
    # Both sides import what either needed, or their memory differs for another reason than their code.
    for server in servers.values() if taken.samples else ():
        server.order("import", names=names)
    return taken


def _at_once(servers: Mapping[SideName, Server], spec: RunSpec, timeout: float) -> tuple[Taken, list[str]]:
    """Train both sides at the same time; give what came of it, and the modules that had to be imported."""
    runs = {side: _Run(servers[side], spec, (NUM_UNJUDGED_STEPS,), timeout, waits=False) for side in SIDES}
    for run in runs.values():
        run.begin_turn()
    for run in runs.values():
        run.end_turn()
    names = list(dict.fromkeys(name for run in runs.values() for name in run.imported))
    return Taken(spec.seed, runs["base"].outcome, runs["head"].outcome), names


class _Run:
    """One process of a side, from the order to its last word."""

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
        # A side of another age knows not every setting, but those that were chosen it must know.
        request = {"spec": spec.model_dump(mode="json", exclude_defaults=True)}
        self._order: dict[str, Any] = {"request": request, "turns": lengths, "waits": waits, "cores": cores}
        self.imported: list[str] = []
        """Modules that it had to import, known at its end."""
        self._server, self._waits = server, waits
        self._seconds = timeout
        """Left to it; waiting for its turn is not counted."""
        self._began: float | None = None
        self._turns: list[tuple[int, float]] = []
        """Steps and seconds of each."""
        self._last: dict[str, Any] = {}
        self._outcome: Sample | Trouble | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, or not begun."""
        return self._outcome is None

    @property
    def outcome(self) -> Sample | Trouble:
        """What it gave, once it has ended."""
        assert self._outcome is not None
        return self._outcome

    def begin_turn(self) -> None:
        """Let it go on, unless it has ended."""
        if self._outcome is not None:
            return
        try:
            if self._began is None:
                self._server.order("run", **self._order)
            else:
                self._server.order("go")
        except Trouble as trouble:
            self._outcome = trouble
        self._began = time.monotonic()

    def end_turn(self) -> None:
        """Wait until its turn is over, or it has ended."""
        began = self._began or time.monotonic()
        try:
            while self._outcome is None and not self._hear(began + self._seconds):
                pass
        except Trouble as trouble:
            self._outcome = trouble
        self._seconds -= time.monotonic() - began

    def _hear(self, deadline: float) -> bool:
        """Take the next message; whether the turn is over."""
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

    def _conclude(self, code: int) -> Sample | Trouble:
        last = self._last
        match last.get("kind"):
            case "finished":
                return read_sample(last, self._turns)
            case "failed":
                status, is_usage = last["status"], bool(last["usage"])
                return Trouble(
                    last["reason"] if is_usage else f"its run {status}: {last['reason']}",
                    is_crash=status == "failed" and not is_usage,
                    is_usage=is_usage,
                    has_diverged=status == "diverged",
                    lacks_memory=status == "oom",
                )
            case "escaped":
                return Trouble(f"it does not understand the request: {last['reason']}")
            case _:
                return Trouble(how_it_ended(code, oom_kills=None)[1], is_crash=True)
