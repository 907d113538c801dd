"""The files of a run's checkpoint: one, or of each of its ranks one of its own, which count only where all have theirs of the same step.

Each rank writes the next of its files beside the last. Once all have done so, which they tell each other, each removes
its last: so whenever a process ends, there is one step of which all have a file, or none at all.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bench.records.shelf import part_of, parts_of

if TYPE_CHECKING:
    from pathlib import Path

    from bench.training.parallel.base import Parallel

__all__ = ["RankFiles"]

MOST_STEPS = 8
"""Of which a rank has files, told to the others: two, unless something was killed again and again."""
MOST_LETTERS = 200
"""Of a reason, told to the others."""


class RankFiles:
    """Those of one run, as one of its ranks sees them. Where there are several, all must ask the same at the same step."""

    def __init__(self, path: Path, parallel: Parallel) -> None:
        """Keep them at `path`, or beside it where there are several ranks."""
        self._path, self._parallel, self._num = path, parallel, parallel.num_ranks
        self.attempt: int | None = None
        """Goes into each file of several, once `find` was asked: those that one attempt at a run has written are of one piece."""
        self._met_at, self._met_step, self._next_meeting = time.monotonic(), 0, 1

    @property
    def num(self) -> int:
        """How many make a checkpoint."""
        return self._num

    def find(self) -> tuple[Path | None, str | None]:
        """Return the file of this rank to go on from, and why there is none where there are others."""
        if self._num == 1:
            return (self._path if self._path.is_file() else None), None
        own = sorted(parts_of(self._path, self._parallel.rank), reverse=True)[:MOST_STEPS]
        told = self._parallel.gather((time.time_ns() // 1000, *own, *[-1] * (MOST_STEPS - len(own))))
        self.attempt = int(told[0][0])
        steps = [{int(step) for step in of_rank[1:] if step >= 0} for of_rank in told]
        if not any(steps):
            return None, None
        if common := set.intersection(*steps):
            return self.of(max(common)), None
        lacking = next((rank for rank, of_rank in enumerate(steps) if not of_rank), None)
        return None, "its parts are of unlike steps" if lacking is None else self._said(lacking, "it has no part of it")

    def of(self, step: int) -> Path:
        """Where this rank's file of a checkpoint after so many steps lies."""
        return self._path if self._num == 1 else part_of(self._path, self._parallel.rank, self._num, step)

    def agreed(self, why_not: str | None, attempt: int = 0) -> str | None:
        """Return why not all of the ranks can do something with their files; None where all can.

        Args:
            why_not: Of this rank.
            attempt: That has written its file, where it was read.

        """
        if self._num == 1:
            return why_not
        letters = (why_not or "").encode()[:MOST_LETTERS]
        told = self._parallel.gather((attempt, *letters, *[0] * (MOST_LETTERS - len(letters))))
        for rank, (_, *of_rank) in enumerate(told):
            if of_rank[0]:
                return self._said(rank, bytes(int(letter) for letter in of_rank if letter).decode(errors="replace"))
        return None if len({of_rank[0] for of_rank in told}) == 1 else "its parts were written by unlike attempts"

    def keep(self, path: Path) -> None:
        """Remove the other files of this rank, once all ranks have one that goes with that at `path`."""
        for other in parts_of(self._path, self._parallel.rank).values() if self._num > 1 else ():
            if other != path:
                _remove(other)

    def drop(self, path: Path) -> None:
        """Remove a file of this rank, where another has none that goes with it; one alone is never left half-written."""
        if self._num > 1:
            _remove(path)

    def is_due(self, step: int, due: float) -> bool:
        """Whether the next checkpoint is to be written after so many steps, as it is due at `due` by `time.monotonic()`.

        Ranks meet to decide it, by the clock of rank 0, and each meeting says after which step the next one is: half-way to
        when it will be due by the time of the last steps, of which there are at least half as many, since a GPU may still be
        at work on some. That is twenty meetings or so in half an hour.
        """
        now = time.monotonic()
        if self._num == 1:
            return now >= due
        if step < self._next_meeting:
            return False
        num = step - self._met_step
        half_way = max(0.0, due - now) / 2 / max((now - self._met_at) / num, 1e-9)
        ahead = int(self._parallel.gather((min(half_way, 2 * num),))[0][0])
        self.met(step)
        self._next_meeting = step + max(1, ahead)
        return not ahead

    def met(self, step: int) -> None:
        """Count the time of steps from here on."""
        self._met_at, self._met_step = time.monotonic(), step

    def _said(self, rank: int, text: str) -> str:
        return f"rank {rank} of {self._num}: {text}"


def _remove(path: Path) -> None:
    with suppress(OSError):  # what is left of another step is in nobody's way
        path.unlink()
