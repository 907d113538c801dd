"""The user's request of a gate: what to compare, and by which margins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import UsageError
from bench.files import default_config
from bench.gate.judging.margins import read_margins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.gate.judging.margins import Margins

__all__ = ["FormatName", "Sides", "make_directory", "margins_of", "names_file", "one_side", "with_config"]

FormatName = Literal["json", "markdown", "junit", "sarif", "github-action-benchmark", "bencher", "annotations"]
"""The names of `bench.gate.outputs.FORMATS`."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What to compare, as the user gave it."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    base_python: str | None = None
    head_python: str | None = None
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of a comparison that were given."""
    run: str | None = None
    """The command that measures both sides, where that is not bench's own training."""
    setup: str | None = None
    """The command that sets up a side for it."""


def one_side(option: str, words: Sequence[str]) -> str | None:
    """Return the one checkout or ref of a side; None where none is named.

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
    """Whether the name of a side is that of a file."""
    return side.lower().endswith(".json")


def make_directory(path: Path, option: str = "--out") -> None:
    """Make the directory of the outputs before anything is measured.

    Raises:
        UsageError: it cannot be made.

    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; name a directory that can be written") from error


def with_config(sides: Sides) -> Sides:
    """Use the config file of the current directory where none is named."""
    return replace(sides, config=sides.config or default_config())


def margins_of(config: Path | None, margin: str | None) -> Margins:
    """Read the margins of the config file, with the default that was given.

    Raises:
        UsageError: one of them is no margin.

    """
    margins = read_margins(config)
    return margins if margin is None else replace(margins, default=_share(margin))


def _share(margin: str) -> float:
    """Read a percentage."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", margin.strip())
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share < 1:
        raise UsageError(f"--margin {margin}: give a percentage between 0% and 100%, such as 5%")
    return share
