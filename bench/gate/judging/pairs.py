"""The result of a pair of runs, one of each side: a sample, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SIDES", "PairResult", "Sample", "SideFailure", "SideName"]

SideName = Literal["base", "head"]
SIDES: tuple[SideName, SideName] = ("base", "head")


class SideFailure(Exception):
    """Why a side has no sample, in a sentence about it."""

    def __init__(self, reason: str, kind: Literal["usage", "crash", "diverged", "oom", "other"] = "other") -> None:
        """Note the reason and its kind; "usage" is a request that the side refuses."""
        super().__init__(reason)
        self.kind = kind

    @property
    def is_crash(self) -> bool:
        """Whether the side crashed, be it for want of memory."""
        return self.kind in {"crash", "oom"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one side."""

    step_seconds: tuple[float, ...]
    """Mean step time of every turn, without the first turn, which is the warm-up."""
    losses: tuple[float, ...]
    training_memory_bytes: int | None
    """None where the side does not report it, as older versions on a CPU do not."""
    accuracy: float
    is_half_precision: bool
    data_digest: str | None
    """Digest of the rows; None where the side does not report it."""
    fingerprint: dict[str, str]


@dataclass(frozen=True, slots=True)
class PairResult:
    """The result of one pair."""

    seed: int
    base: Sample | SideFailure
    head: Sample | SideFailure

    @property
    def failures(self) -> dict[SideName, SideFailure]:
        """The failures by side."""
        sides = zip(SIDES, (self.base, self.head), strict=True)
        return {side: outcome for side, outcome in sides if isinstance(outcome, SideFailure)}

    @property
    def samples(self) -> tuple[Sample, Sample] | None:
        """The samples of base and head, where both have one."""
        return (self.base, self.head) if isinstance(self.base, Sample) and isinstance(self.head, Sample) else None
