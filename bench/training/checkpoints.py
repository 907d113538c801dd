"""Checkpoints of a long run: every half hour, between two steps, what it would go on from if it ended there.

They are off the clock of training. A run that cannot write one goes on without, and its record says so.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch

from bench.errors import BenchError, Unsupported, first_line
from bench.files import replacing
from bench.measuring.torch_memory import reachable_tensors
from bench.records.flags import Flag
from bench.records.metrics import format_bytes, format_seconds
from bench.records.readings import PhasePeak
from bench.training.activation_cache import CacheFill, check_room
from bench.training.carried import Carried
from bench.training.checkpoint_files import RankFiles
from bench.training.set_up import SetUp
from bench.training.trained import Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch.optim.lr_scheduler import LambdaLR

    from bench.plan.view import Trainable
    from bench.training.prepared import Prepared
    from bench.training.trained import Tally

__all__ = ["EVERY_SECONDS", "Checkpoints"]

EVERY_SECONDS = 1800.0
VERSION = 1
"""Of the file: more where an earlier one would be misread."""


class Checkpoints:
    """Goes on from the checkpoint of a run that did not end, and writes the next ones in its place."""

    def __init__(
        self,
        prepared: Prepared,
        path: Path,
        *,
        turns: Mapping[int, Trainable],
        num_steps: int,
        origin: Callable[[], Mapping[str, str]],
        besides: Callable[[], dict[str, Any]],
        on_found: Callable[[dict[str, Any]], None],
        aside: Callable[[], AbstractContextManager[object]],
        say: Callable[[str], None],
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """Write to `path`, first when `every_seconds` have passed from now on.

        Args:
            prepared: Has not trained yet.
            path: Of its file, whose directory need not exist; of several ranks, each has files of its own beside it.
            turns: What trains from which step on, the first included.
            num_steps: Of the whole run.
            origin: Tells what must be the same for a run to go on: by name, in words.
            besides: Returns what else goes into the file, of plain values.
            on_found: Takes that back in the process that goes on.
            aside: Opens a context in which nothing is measured.
            say: Takes a sentence for who watches.
            every_seconds: Between two checkpoints.

        """
        self._prepared, self._turns, self._num_steps = prepared, turns, num_steps
        self._files = RankFiles(path, prepared.parallel)
        self._origin, self._besides, self._on_found, self._aside, self._say = origin, besides, on_found, aside, say
        self._every, self._due = every_seconds, time.monotonic() + every_seconds
        self._carried = Carried(prepared)
        self._flags: dict[str, Flag] = {}
        self.seconds: float | None = None
        """Spent on checkpoints by this process; None where it took none."""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Whether the run went on from a checkpoint, or could not have."""
        return tuple(self._flags.values())

    def go_on(self, tally: Tally, scheduler: LambdaLR) -> None:
        """Begin after the steps of the checkpoint, if there is one that fits; else say why it does not.

        Raises:
            BenchError: it fits, and all the same it cannot be gone on from; it is removed.

        """
        path, why_not = self._files.find()
        if path is None and why_not is None:
            return
        with self._aside():
            content: dict[str, Any] = {}
            if path is not None:
                content, why_not = self._read(path)
                why_not = self._files.agreed(why_not, content.get("attempt", 0))
            if path is None or why_not:
                self._say(f"its checkpoint is left aside, and it begins anew: {why_not}")
                return
            try:
                before = _as_trained(content["trained"])
                num_done = len(before.losses)
                # First, since it forgets the state of what does not train any more.
                self._prepared.let_train(self._turns[max(step for step in self._turns if step < num_done)])
                self._carried.put(content["carried"])
                scheduler.last_epoch = content["num_scheduled"]
                tally.go_on_from(before)
                self._on_found(content["besides"])
            except Exception as error:
                path.unlink(missing_ok=True)
                msg = f"its checkpoint cannot be gone on from, and is removed ({first_line(error)}); --resume begins the run anew"
                raise BenchError(msg) from error
            self._files.keep(path)
            self._files.met(num_done)
        told = f"after {num_done} of {self._num_steps} steps"
        self._say(f"it goes on from its checkpoint, {told}")
        self._flags["resumed"] = Flag(code="resumed-within", message=f"a process went on {told}, which another took")

    def is_due(self, num_steps: int) -> bool:
        """Whether the next one is to be written now, after so many steps; to be asked after each."""
        return self._files.is_due(num_steps, self._due)

    def write(self, tally: Tally, scheduler: LambdaLR) -> None:
        """Write what the run would go on from, or note why that cannot be; the clock must be stopped."""
        began = time.perf_counter()
        with self._aside():
            self._try_to_write(tally, scheduler)
        self._files.met(tally.num_steps)
        self.seconds = (self.seconds or 0.0) + time.perf_counter() - began

    def _try_to_write(self, tally: Tally, scheduler: LambdaLR) -> None:
        began, again = time.perf_counter(), True
        path, num_bytes, why_not = self._files.of(tally.num_steps), 0, None
        try:
            num_bytes = self._write(path, tally, scheduler)
        except (OSError, RuntimeError) as error:  # the latter is how torch says that a disk is full
            why_not = first_line(error)
        except Exception as error:  # noqa: BLE001  (what others' optimizers are made of must not end the run)
            why_not, again = first_line(error), False
        why_not = self._files.agreed(why_not)
        self._due = time.monotonic() + self._every if again else math.inf
        if why_not:
            self._files.drop(path)
            self._go_without(why_not)
            return
        self._files.keep(path)
        size = format_bytes(num_bytes) + (f" by each of {self._files.num} processes" if self._files.num > 1 else "")
        seconds = format_seconds(time.perf_counter() - began)
        steps = f"{tally.num_steps} step{'' if tally.num_steps == 1 else 's'}"
        self._say(f"checkpoint after {steps}: {size}, {seconds}")

    def _write(self, path: Path, tally: Tally, scheduler: LambdaLR) -> int:
        content = {
            "version": VERSION,
            "origin": dict(self._origin()),
            "trained": asdict(_plain(tally.trained())),
            "num_scheduled": scheduler.last_epoch,
            "besides": self._besides(),
            "carried": self._carried.take(),
            **({} if self._files.attempt is None else {"attempt": self._files.attempt}),
        }
        num_bytes = sum(tensor.nbytes for tensor in reachable_tensors(content))
        path.parent.mkdir(exist_ok=True)
        try:
            check_room(num_bytes * self._files.num, path.parent, "a checkpoint of the run")
        except Unsupported as error:  # there may be room for the next one
            raise OSError(str(error)) from error
        with replacing(path) as temporary:
            torch.save(content, temporary)
        return num_bytes

    def _go_without(self, why: str) -> None:
        if "without" not in self._flags:
            message = f"no checkpoint could be written: {why}"
            self._say(message)
            self._flags["without"] = Flag(code="not-checkpointed", message=message)

    def _read(self, path: Path) -> tuple[dict[str, Any], str | None]:
        """Read the file, and say why it is none to go on from, if it is not. Nothing in it is run."""
        content: Any = None
        with suppress(Exception):  # whatever a file that is no checkpoint makes torch raise
            content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or content.get("version") != VERSION:
            return {}, "it cannot be read"
        before, now = content.get("origin", {}), self._origin()
        other = next((name for name in now if before.get(name) != now[name]), None)
        if other is None:
            return content, None
        return {}, f"{other} was {before.get(other)}, and is {now[other]}"


def _plain(trained: Trained) -> Trained:
    """Have a dictionary in place of the one part that is no dataclass."""
    fill = trained.set_up.cache
    if fill is None:
        return trained
    peak: Any = fill.peak.model_dump()
    return replace(trained, set_up=replace(trained.set_up, cache=replace(fill, peak=peak)))


def _as_trained(told: dict[str, Any]) -> Trained:
    fill = told["set_up"]["cache"]
    cache = fill and CacheFill(**fill | {"peak": PhasePeak(**fill["peak"])})
    return Trained(**told | {"set_up": SetUp(**told["set_up"] | {"cache": cache})})
