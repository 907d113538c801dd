"""The runs of several directories, read together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.records.record import RunRecord

__all__ = ["read_directories"]


def read_directories(directories: Iterable[Path]) -> tuple[list[list[RunRecord]], list[str]]:
    """Read the runs of each directory, and say what was left out or renamed.

    Raises:
        UsageError: one holds no run that can be read.

    """
    read, warnings = [], []
    for directory in directories:
        if directory.is_file():
            raise UsageError(f"{directory} is a file; give a directory that `bench compare` wrote")
        store = Store(directory)
        if not (found := store.read_all()):
            why = f" that can be read: {'; '.join(store.warnings)}" if store.warnings else ""
            raise UsageError(f"{directory} holds no runs{why}; give a directory that `bench compare` wrote")
        read.append(found)
        warnings += store.warnings
    return read, warnings
