"""A results directory: one JSON file per run, written atomically, read back whatever became of the others.

Nothing is lost: a run that cannot be written is printed to stderr, and what cannot be read is left out and left alone.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from bench.errors import BenchError, RecordError, UsageError
from bench.experiment.spec import canonical
from bench.files import replace_file
from bench.records.file_names import file_name
from bench.records.record import RunRecord
from bench.records.shelf import CheckpointFiles, remove_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.experiment.spec import RunSpec

__all__ = ["Store"]

_LOCK = ".lock"
_ORDER = "strategies.json"
"""Beside the runs: the names of the strategies, in the order in which they were asked for."""


class Store:
    """The records under `directory/runs`. Reading needs no lock; `Store.open` holds the one to write."""

    def __init__(self, directory: Path) -> None:
        """Use a directory, which need not exist.

        Raises:
            UsageError: `runs` or `checkpoints` in it is a link that leads out of it.

        """
        self.directory, self.runs = directory, directory / "runs"
        self.checkpoints = CheckpointFiles(directory / "checkpoints")
        self._warnings: dict[str, None] = {}
        self.num_unwritten = 0  # of the records, which are on stderr
        self._lock = FileLock(directory / _LOCK)
        self._made: tuple[Path, ...] = ()  # directories, the innermost first
        for folder in (self.runs, self.checkpoints.folder):
            if not _lies_in(folder, directory):
                raise UsageError(f"{folder} leads out of {directory}; give a directory whose {folder.name} lie in it")

    @property
    def warnings(self) -> list[str]:
        """What was left out or renamed, one sentence each, without repetition."""
        return list(self._warnings)

    @classmethod
    def open(cls, directory: Path, *, resume: bool) -> Self:
        """Create the directory, and lock it against other writers until `close`.

        Raises:
            UsageError: it holds runs and is not to be resumed, another process writes to it, or
                it cannot be written.

        """
        store = cls(directory)
        store._made = tuple(folder for folder in (directory, *directory.parents) if not folder.exists())
        try:
            store.runs.mkdir(parents=True, exist_ok=True)
            store._lock.acquire(blocking=False)
        except Timeout:
            msg = f"another bench is writing to {directory}; wait for it, or give another directory with --out"
            raise UsageError(msg) from None
        except OSError as error:
            msg = f"cannot write to {directory} ({error.strerror}); give another directory with --out"
            raise UsageError(msg) from error
        num_of = {"runs": len(list(store.runs.glob("*.json"))), "checkpoints": len(store.checkpoints)}
        if not resume and (what := next((what for what, num in num_of.items() if num), None)):
            store.close()
            msg = f"{directory} holds {num_of[what]} {what} already; continue them with --resume, or give another directory with --out"
            raise UsageError(msg)
        remove_left(directory, store.runs, store.checkpoints.folder)
        return store

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None and issubclass(error, Exception):
            self._unmake()
        self.close()

    def _unmake(self) -> None:
        """Remove the directory again if it is new and holds no run: what was asked for was refused, and nothing is to go on from."""
        with suppress(OSError):
            if self._made and {path.name for path in self.directory.iterdir()} <= {self.runs.name, _LOCK, _ORDER}:
                self.runs.rmdir()
                for name in (_ORDER, _LOCK):
                    (self.directory / name).unlink(missing_ok=True)
                for folder in self._made:
                    folder.rmdir()

    def write(self, record: RunRecord) -> Path:
        """Write one record atomically, in the place of an earlier one of the same spec.

        Raises:
            BenchError: the directory cannot be written; the record is on stderr.

        """
        path, text = self.runs / file_name(record.spec), record.to_json()
        try:
            self._put_aside(path, record.spec)
            replace_file(path, text.encode())
        except OSError as error:
            sys.stderr.write(f"{text}\n")
            self.num_unwritten += 1
            run = f"{record.spec.name}, seed {record.spec.seed},"
            self._warn(msg := f"cannot write to {self.runs} ({error.strerror}); the record of {run} is printed above")
            raise BenchError(msg) from error
        return path

    def _put_aside(self, path: Path, spec: RunSpec) -> None:
        """Rename what lies at `path`, unless it is an earlier run of `spec`."""
        try:
            if _read(path).spec == spec:
                return
        except FileNotFoundError:
            if not path.is_symlink():
                return
        except (OSError, RecordError):
            pass
        names = (path.with_name(f"{path.name}.{number}.aside") for number in count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        path.rename(aside)
        self._warn(f"what stood in the place of a run is kept as {aside}")

    def move(self, other: Store, is_moved: Callable[[RunRecord], bool]) -> None:
        """Move runs to another directory, which has them before they are gone here."""
        for path in sorted(self.runs.glob("*.json")):
            if (record := self._try(path)) and is_moved(record):
                other.write(record)
                path.unlink()

    def ask_otherwise(self, now: Callable[[RunSpec], RunSpec]) -> None:
        """Keep each run under what it is asked for `now`.

        Raises:
            BenchError: the directory cannot be written; the record is on stderr.

        """
        for path in sorted(self.runs.glob("*.json")):
            if (record := self._try(path)) and (spec := now(record.spec)) != record.spec:
                self.write(record.model_copy(update={"spec": spec}))
                path.unlink()

    def keep_order(self, strategies: Iterable[str]) -> None:
        """Save the order of the strategies; those asked for in earlier calls alone come last.

        Raises:
            BenchError: the directory cannot be written.

        """
        names = dict.fromkeys([*strategies, *self._order()])
        try:
            replace_file(self.directory / _ORDER, json.dumps(list(names), indent=1).encode())
        except OSError as error:
            msg = f"cannot write to {self.directory} ({error.strerror}); give another directory with --out"
            raise BenchError(msg) from error

    def read_all(self) -> list[RunRecord]:
        """Read the newest record of each spec, and leave out files that are no record.

        They are sorted by strategy, as `keep_order` saved it, then by start; an older directory has no saved order.
        """
        found = filter(None, map(self._try, sorted(self.runs.glob("*.json"))))
        records = sorted(found, key=lambda record: record.started_at)
        newest = {record.spec: record for record in records}
        places = {name: place for place, name in enumerate(self._order())}
        kept = [record for record in records if newest[record.spec] is record]
        return sorted(kept, key=lambda record: places.get(record.spec.name, len(places)))

    def _order(self) -> list[str]:
        """Read the saved order of the strategies; empty where there is none, or the file cannot be read."""
        path = self.directory / _ORDER
        try:
            names = json.loads(path.read_bytes()) if _is_file(path) else None
        except FileNotFoundError:  # of an older bench
            return []
        except (OSError, ValueError, RecursionError):
            names = None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return list(map(_as_records_have_it, names))
        self._warn(f"{path} does not say in which order strategies were asked for; they stand as their runs do")
        return []

    def todo(self, specs: Iterable[RunSpec]) -> list[RunSpec]:
        """Return those of `specs` without a run that ended ok."""
        done = {record.spec for record in self.read_all() if record.status == "ok"}
        return [spec for spec in specs if spec not in done]

    def _try(self, path: Path) -> RunRecord | None:
        if not _lies_in(path, self.runs):
            self._warn(f"{path} leads out of the directory; it is left out")
            return None
        try:
            return _read(path)
        except OSError as error:
            self._warn(f"{path} is left out: {error.strerror}")
        except RecordError as error:
            self._warn(f"{path} is left out: {error}")
        return None

    def _warn(self, sentence: str) -> None:
        self._warnings[sentence] = None


def _as_records_have_it(name: str) -> str:
    try:
        return canonical(name)
    except UsageError:  # of a bench that writes names otherwise
        return name


def _is_file(path: Path) -> bool:
    """Whether it is a regular file, unlike a pipe, at which a reader would wait."""
    return stat.S_ISREG(path.stat().st_mode)


def _read(path: Path) -> RunRecord:
    if not _is_file(path):
        raise RecordError("it is no regular file")
    return RunRecord.from_json(path.read_bytes())


def _lies_in(path: Path, directory: Path) -> bool:
    """Whether a path, with its links resolved, lies in the directory."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))
