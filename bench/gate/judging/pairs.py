"""What a pair of runs gave, one of each side: a sample, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SIDES", "Sample", "SideName", "Taken", "Trouble"]

SideName = Literal["base", "head"]
SIDES: tuple[SideName, SideName] = ("base", "head")


class Trouble(Exception):
    """Why a side gave no sample, in a sentence about it."""

    def __init__(
        self,
        reason: str,
        *,
        is_crash: bool = False,
        is_usage: bool = False,
        has_diverged: bool = False,
        lacks_memory: bool = False,
    ) -> None:
        """Say what kind it is: a crash, or a request that the side calls wrong, a loss that is no number, or no memory."""
        super().__init__(reason)
        self.is_crash, self.is_usage = is_crash or lacks_memory, is_usage
        self.has_diverged, self.lacks_memory = has_diverged, lacks_memory


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one side."""

    step_seconds: tuple[float, ...]
    """Mean step of every turn, from the message that ends the turn before; the first turn, the warm-up, is left out."""
    losses: tuple[float, ...]
    training_memory_bytes: int | None
    """None where the side does not tell, as versions that measured the whole process do not on a CPU."""
    accuracy: float
    is_half_precision: bool
    data_digest: str | None
    """Of the rows; None where the side does not tell."""
    fingerprint: dict[str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a pair gave."""

    seed: int
    base: Sample | Trouble
    head: Sample | Trouble

    @property
    def troubles(self) -> dict[SideName, Trouble]:
        """By the sides that gave no sample."""
        sides = zip(SIDES, (self.base, self.head), strict=True)
        return {side: outcome for side, outcome in sides if isinstance(outcome, Trouble)}

    @property
    def samples(self) -> tuple[Sample, Sample] | None:
        """Of base and head, where both gave one."""
        return (self.base, self.head) if isinstance(self.base, Sample) and isinstance(self.head, Sample) else None
