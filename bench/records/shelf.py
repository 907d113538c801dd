"""What lies in a results directory while runs are carried out, and what of it a writer left that was killed."""

from __future__ import annotations

import glob
import re
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.files import TEMPORARY
from bench.records.file_names import file_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.experiment.spec import RunSpec

__all__ = ["CheckpointFiles", "part_of", "parts_of", "remove_left", "shelf_in"]

_PREFIX, _SUFFIX = ".shelf-", ".pt"
_PART = re.compile(r"\.rank(?P<rank>\d+)-of-\d+\.step(?P<step>\d+)$")


class CheckpointFiles:
    """The checkpoints of runs: each is there from half an hour after its run began until that has its record."""

    def __init__(self, folder: Path) -> None:
        """Keep them in `folder`, which need not exist."""
        self.folder = folder

    def __len__(self) -> int:
        """How many there are."""
        return len({_PART.sub("", file.stem) for file in self.folder.glob(f"*{_SUFFIX}")})

    def of(self, spec: RunSpec) -> Path:
        """The file of a run."""
        return self.folder / Path(file_name(spec)).with_suffix(_SUFFIX)

    def forget(self, specs: Iterable[RunSpec]) -> None:
        """Remove those of runs that nobody will go on with."""
        for spec in specs if self.folder.is_dir() else ():
            for file in (self.of(spec), *_parts(self.of(spec))):
                with suppress(OSError):
                    file.unlink()
        with suppress(OSError):  # it holds others, or was never made
            self.folder.rmdir()


def part_of(path: Path, rank: int, num_ranks: int, step: int) -> Path:
    """The file of one of several ranks, of a checkpoint after so many steps: beside `path`, where that of one process would be."""
    return path.with_stem(f"{path.stem}.rank{rank}-of-{num_ranks}.step{step}")


def parts_of(path: Path, rank: int) -> dict[int, Path]:
    """Find the files of a rank beside `path`, by the step that they are of."""
    return {int(found["step"]): file for file, found in _parts(path).items() if int(found["rank"]) == rank}


def _parts(path: Path) -> dict[Path, re.Match[str]]:
    beside = {
        file: _PART.search(file.stem) for file in path.parent.glob(f"{glob.escape(path.stem)}.rank*{path.suffix}")
    }
    return {
        file: found for file, found in beside.items() if found and found.start() == len(path.stem) and file.is_file()
    }


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
