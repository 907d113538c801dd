"""What trains in turn: one part after the other, until everything does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan import Trainable


def check_until(strategy: str, until: float) -> None:
    """Refuse a share of the steps that leaves no time before everything trains, or none after."""
    if not 0 < until < 1:
        msg = f"{strategy}:until={until:g} cannot be: it is the share of the steps after which everything trains, above 0 and below 1"
        raise UsageError(msg)


def until(share: float, parts: Sequence[Trainable]) -> tuple[tuple[float, Trainable], ...]:
    """Let the last of `parts` begin at this share of the steps, and the others at equal distances before it."""
    return tuple((share * number / (len(parts) - 1), part) for number, part in enumerate(parts))
