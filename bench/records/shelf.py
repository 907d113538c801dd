"""What lies in a results directory while runs are carried out, and what of it a writer left that was killed."""

from __future__ import annotations

import shutil
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.files import TEMPORARY

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remove_left", "shelf_in"]

_PREFIX = ".shelf-"


def shelf_in(directory: Path) -> TemporaryDirectory[str]:
    """Make a directory in which runs share what they store, for as long as its context is open.

    Raises:
        BenchError: the directory cannot be written.

    """
    try:
        return TemporaryDirectory(prefix=_PREFIX, dir=directory)
    except OSError as error:
        msg = f"cannot write to {directory} ({error.strerror}); make room, or give another directory with --out"
        raise BenchError(msg) from error


def remove_left(*directories: Path) -> None:
    """Remove shelves and half-written files; only who holds the lock of the directories may."""
    for directory in directories:
        for shelf in directory.glob(f"{_PREFIX}*"):
            shutil.rmtree(shelf, ignore_errors=True)
        for file in directory.glob(TEMPORARY):
            with suppress(OSError):
                file.unlink()
