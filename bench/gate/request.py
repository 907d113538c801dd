"""What a gate is asked to compare, as the user says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Sides", "names_file", "one_side"]


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared, as the user says it."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    base_python: str | None = None
    head_python: str | None = None
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of a comparison, those that were given."""
    run: str | None = None
    """What measures both sides, where that is not bench's own training."""
    setup: str | None = None
    """What sets a side up for it."""


def one_side(option: str, words: Sequence[str]) -> str | None:
    """Give the one checkout or ref of a side; None where none is named.

    Raises:
        UsageError: there are several, or it is a file.

    """
    if not words:
        return None
    if len(words) > 1 or names_file(words[0]):
        msg = f"{option} {' '.join(words)}: give one checkout or git ref a side, or files of pytest-benchmark on both, or one baseline as base"
        raise UsageError(msg)
    return words[0]


def names_file(side: str) -> bool:
    """Whether a side is a file, by its name."""
    return side.lower().endswith(".json")
