"""The outcome of a run: its messages, its ending and its memory, combined into a record."""

from __future__ import annotations

import math
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from bench.errors import UsageError
from bench.protocol import Failed, Finished, Followed, Planned, Saved, Stage
from bench.records.doubts import doubts
from bench.records.endings import how_it_ended
from bench.records.record import Flag, Memory, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.executors.gpu_monitor import DeviceSampler
    from bench.experiment.spec import RunSpec
    from bench.protocol import Message
    from bench.records.record import StageName, Status

__all__ = ["Outcome"]


class NotSaved(NamedTuple):
    """Why weights are not kept; of those of several ranks the least is the cause of the others."""

    lost_a_peer: bool
    at: float
    reason: str


class Outcome:
    """Collects the outcome of one run. The first verdict stands: a process that we end after a timeout timed out."""

    def __init__(
        self, spec: RunSpec, on_message: Callable[[Message], None] | None, *, saves_model: bool = False
    ) -> None:
        """Pass every message on to `on_message` after noting it; a run may save its model after its last numbers."""
        self._spec, self._on_message, self._is_to_save = spec, on_message, saves_model
        self.begin(None)
        self._phase: StageName | None = None
        self._planned: Planned | None = None
        self._last: Finished | Failed | None = None
        self._verdict: tuple[Status, str | None] | None = None
        self._host_peaks: dict[str | None, int] = {}
        self._followed: Memory | None = None
        self._decided_at = math.inf
        self._flags: list[Flag] = []
        self.not_saved: NotSaved | None = None
        """Why its part in keeping the weights was not done, where it was not."""
        self.device: str | None = None
        """What the run has to itself: the UUID of a GPU, or the processors or a slot of them."""

    @property
    def is_decided(self) -> bool:
        """Whether it is known how the run ended."""
        return self._verdict is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected: the numbers have arrived, and the weights are saved where asked for."""
        return self.is_decided and not (self._is_to_save and self._verdict == ("ok", None))

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return self.is_decided and self._verdict != ("ok", None)

    @property
    def ending(self) -> tuple[Status, str | None] | None:
        """Its status and the reason, once that is known."""
        return self._verdict

    @property
    def is_lost(self) -> bool:
        """Whether others wait for it in vain: it has failed, or could not do its part in keeping the weights."""
        return self.has_failed or self.not_saved is not None

    @property
    def only_lost_a_peer(self) -> bool:
        """Whether all that it could say is that another rank did not answer."""
        told = self.not_saved or self._last
        return isinstance(told, Failed | NotSaved) and told.lost_a_peer

    @property
    def precedence(self) -> tuple[bool, bool, float]:
        """What orders the failures of the ranks of a run: the least is the cause of the others."""
        assert self._verdict is not None
        return self.only_lost_a_peer, self._verdict[0] != "killed", self._decided_at

    @property
    def is_without_weights(self) -> bool:
        """Whether the weights that it was to keep are not kept, or not yet."""
        return self._is_to_save or self.not_saved is not None

    @property
    def followed(self) -> Memory | None:
        """The memory of a rank other than 0, once it has done its part."""
        return self._followed and self._with_device(self._followed)

    @property
    def last_phase(self) -> str:
        """The present phase of the run, for a sentence."""
        return self._phase or "start"

    def begin(self, sampler: DeviceSampler | None) -> None:
        """Start the clock: waiting until now is not part of the run."""
        self._sampler = sampler
        self._started_at, self._started = datetime.now(UTC), time.perf_counter()

    def watch(self, pid: int | None) -> None:
        """Tell whoever watches the GPU which process is the run's."""
        if self._sampler:
            self._sampler.watch(pid)

    def add(self, message: Message) -> None:
        """Note a message of the run; call it in the order of sending."""
        match message:
            case Stage():
                self._phase = message.name
                if self._sampler:
                    self._sampler.enter(message.name, message.at)
            case Planned():
                self._planned = message
            case Finished() | Failed() if not self.is_decided:
                self._last = message
                self.decide(*_verdict(message))
            case Followed():
                self._followed = message.memory
                self.decide("ok")
            case Saved():
                self._is_to_save = False
            case Failed() if self._is_to_save:
                self._miss(message.reason, lost_a_peer=message.lost_a_peer)
            case _:
                pass
        if self._on_message:
            self._on_message(message)

    def share(self, num_slots: int) -> None:
        """Note that others of so many runs may be carried out on this machine at the same time."""
        message = f"up to {num_slots} runs were carried out on this machine at the same time"
        self._flags.append(Flag(code="shared-host", message=message))

    def see_host_peak(self, peak_bytes: int | None) -> None:
        """Note the peak resident size of the run's process, which the run itself resets."""
        if peak_bytes is not None:
            self._host_peaks[self._phase] = max(peak_bytes, self._host_peaks.get(self._phase, 0))

    def decide(self, status: Status, reason: str | None = None) -> None:
        """Set how the run ended, unless that is known: where it still had weights to keep, they are not kept for this reason."""
        if self._verdict is None:
            self._verdict, self._decided_at = (status, reason), time.monotonic()
        elif status != "ok" and not self.is_over:
            self._miss(reason or status)

    def _miss(self, reason: str, *, lost_a_peer: bool = False) -> None:
        self._is_to_save = False
        self.not_saved = NotSaved(lost_a_peer, time.monotonic(), reason)

    def exited(self, exit_code: int | None, *, oom_kills: int | None, server_signal: int | None = None) -> None:
        """Set how a run ended that sent no last message, and flag one that reported success but exited otherwise."""
        self.decide(*how_it_ended(exit_code, oom_kills=oom_kills, server_signal=server_signal))
        if self._verdict == ("ok", None) and exit_code != 0 and self.not_saved is None:
            message = f"after its last message, the process did not end by itself (exit code {exit_code})"
            flag = Flag(code="exit", message=message)
            self._flags += [] if flag in self._flags else [flag]

    def record(self) -> RunRecord:
        """Return the record; call it once the run's process is gone.

        Raises:
            UsageError: the run reported that the request itself is wrong.

        """
        assert self._verdict is not None
        status, reason = self._verdict
        last = self._last
        if isinstance(last, Failed) and last.usage:
            raise UsageError(last.reason)
        measured = last.measured if isinstance(last, Finished) else None
        unkept = [f"the trained weights are not kept: {self.not_saved.reason}"] if self.not_saved else []
        if measured:
            device = self._sampler.activity() if self._sampler else None
            measured = measured.model_copy(update={"memory": self._with_device(measured.memory), "device": device})
        return RunRecord(
            spec=self._spec,
            status=status,
            reason=reason,
            phase=None if status == "ok" else self._phase,
            traceback=last.traceback if isinstance(last, Failed) else None,
            measured=measured,
            memory=None if status in ("ok", "skipped") else self._memory_so_far(),
            changes=self._planned.changes if self._planned else {},
            micro_batch_size=self._planned.micro_batch_size if self._planned else None,
            flags=(
                *(last.flags if isinstance(last, Finished) else ()),
                *self._flags,
                *(Flag(code="not-saved", message=message) for message in unkept),
                *(self._sampler.flags if self._sampler else ()),
                *(doubts(measured) if measured else ()),
            ),
            environment=last.environment if isinstance(last, Finished) else None,
            host=socket.gethostname(),
            device=self.device,
            started_at=self._started_at,
            wall_seconds=time.perf_counter() - self._started,
        )

    def _memory_so_far(self) -> Memory | None:
        memory = (isinstance(self._last, Failed) and self._last.memory) or Memory()
        peak = self._host_peaks.get("train", max(self._host_peaks.values(), default=None))
        if memory.host_peak_bytes is None and peak is not None:
            memory = memory.model_copy(update={"host_peak_bytes": peak, "method": memory.method or "kernel-hwm"})
        memory = self._with_device(memory)
        return None if memory == Memory() else memory

    def _with_device(self, memory: Memory) -> Memory:
        if not self._sampler:
            return memory
        phases = self._sampler.with_device(memory.phases) if memory.phases else None
        return memory.model_copy(update={**self._sampler.readings(), "phases": phases})


def _verdict(last: Finished | Failed) -> tuple[Status, str | None]:
    return ("ok", None) if isinstance(last, Finished) else (last.status, last.reason)
