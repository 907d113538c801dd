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
    from collections.abc import Callable, Iterable

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
        names = {self.of(spec).stem for spec in specs}
        self._remove(lambda name: name in names)

    def forget_otherwise(self, specs: Iterable[RunSpec]) -> None:
        """Remove those of the same runs asked for otherwise, such as with another number of processes."""
        names = {self.of(spec).stem for spec in specs}
        runs = set(map(_run, names))
        self._remove(lambda name: name not in names and _run(name) in runs)

    def _remove(self, is_left: Callable[[str], bool]) -> None:
        for file in self.folder.glob(f"*{_SUFFIX}"):
            if is_left(_PART.sub("", file.stem)):
                with suppress(OSError):
                    file.unlink()
        with suppress(OSError):  # it holds others, or was never made
            self.folder.rmdir()


def _run(name: str) -> str:
    """The part of a name that tells strategy, model, data set and seed: without the digest of all else."""
    return name.rpartition("-")[0]


def part_of(path: Path, rank: int, num_ranks: int, step: int) -> Path:
    """The file of one of several ranks, of a checkpoint after so many steps: beside `path`, where that of one process would be."""
    return path.with_stem(f"{path.stem}.rank{rank}-of-{num_ranks}.step{step}")


def parts_of(path: Path, rank: int) -> dict[int, Path]:
    """Find the files of a rank beside `path`, by the step that they are of."""
    beside = path.parent.glob(f"{glob.escape(path.stem)}.rank*{path.suffix}")
    found = {file: match for file in beside if (match := _PART.search(file.stem)) and file.is_file()}
    return {
        int(match["step"]): file
        for file, match in found.items()
        if match.start() == len(path.stem) and int(match["rank"]) == rank
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
