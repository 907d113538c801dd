"""What trains when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.errors import UsageError
from bench.plan.view import ALL_KINDS, Kind, Trainable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["InTurn", "Phases", "throughout"]


class Phases(Protocol):
    """What trains in every step of a run: a frozen value, asked before each step."""

    def at(self, step: int, num_steps: int, epoch: int, /) -> Trainable:
        """What trains in 0-based `step` of `num_steps`, which lies in 0-based `epoch`."""
        ...

    def ever(self) -> tuple[Trainable, ...]:
        """What together is all that trains at some time."""
        ...


@dataclass(frozen=True, slots=True)
class InTurn:
    """One part after the other, each from a share of the run's steps on, the first from 0."""

    parts: tuple[tuple[float, Trainable], ...]

    def __post_init__(self) -> None:
        """Refuse parts that are out of order, or that no step would reach."""
        starts = [share for share, _ in self.parts]
        if not starts or starts[0] != 0 or starts[-1] >= 1 or starts != sorted(set(starts)):
            raise UsageError(
                f"phases begin in order, the first at 0, all before 1, as shares of the steps; not {starts}"
            )

    def at(self, step: int, num_steps: int, _epoch: int, /) -> Trainable:
        """The last part that has begun."""
        return [part for share, part in self.parts if step >= share * num_steps][-1]

    def ever(self) -> tuple[Trainable, ...]:
        """All parts."""
        return tuple(part for _, part in self.parts)


def throughout(layers: Iterable[str], kinds: frozenset[Kind] = ALL_KINDS, match: str = "*") -> InTurn:
    """The same parameters train in the whole run."""
    return InTurn(((0.0, Trainable(frozenset(layers), kinds, match)),))
