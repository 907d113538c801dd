"""A results directory: one JSON file per run, written atomically, read back whatever became of the others.

Nothing that was measured is lost: a run that cannot be written goes to stderr, and a file that
cannot be read is put aside.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from bench.errors import BenchError, OtherVersion, RecordError, UsageError
from bench.files import replace_file
from bench.record import RunRecord

if TYPE_CHECKING:
    from pathlib import Path

    from bench.spec import RunSpec

__all__ = ["Store", "file_name"]


class Store:
    """The records under `directory/runs`. Reading needs no lock; `Store.open` holds the one to write."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory, which need not exist.

        Raises:
            UsageError: `directory/runs` is a link that leads out of it.

        """
        self.directory, self.runs = directory, directory / "runs"
        self.warnings: list[str] = []
        """What was put aside or left out, one sentence each."""
        self._lock = FileLock(directory / ".lock")
        if not self.runs.resolve().is_relative_to(directory.resolve()):
            msg = f"{self.runs} leads out of {directory}; give a directory whose runs lie in it"
            raise UsageError(msg)

    @classmethod
    def open(cls, directory: Path, *, resume: bool) -> Self:
        """Make the directory, and keep every other process from writing to it until `close`.

        Raises:
            UsageError: it holds runs and is not to be resumed, another process writes to it, or
                it cannot be written.

        """
        store = cls(directory)
        try:
            store.runs.mkdir(parents=True, exist_ok=True)
            store._lock.acquire(blocking=False)
        except Timeout:
            msg = f"another bench is writing to {directory}; wait for it, or give another directory with --out"
            raise UsageError(msg) from None
        except OSError as error:
            msg = f"cannot write to {directory} ({error.strerror}); give another directory with --out"
            raise UsageError(msg) from error
        if not resume and (count := len(list(store.runs.glob("*.json")))):
            store.close()
            msg = f"{directory} holds {count} runs already; continue them with --resume, or give another directory with --out"
            raise UsageError(msg)
        return store

    def close(self) -> None:
        """Let others write."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, record: RunRecord) -> Path:
        """Write one record in the place of an earlier one of the same spec; all of it or nothing.

        Raises:
            BenchError: the directory cannot be written; the record is on stderr.

        """
        path, text = self.runs / file_name(record.spec), record.to_json()
        try:
            self._keep_other_version(path)
            replace_file(path, text.encode())
        except OSError as error:
            sys.stderr.write(f"{text}\n")
            msg = f"cannot write to {self.runs} ({error.strerror}); the record of {record.spec.name} is printed above"
            raise BenchError(msg) from error
        return path

    def _keep_other_version(self, path: Path) -> None:
        """Put a record aside that only another version of bench can read: it was measured all the same."""
        try:
            RunRecord.from_json(path.read_bytes())
        except OtherVersion:
            aside = path.with_name(f"{path.name}.other-version")
            path.replace(aside)
            self.warnings.append(f"a record of another version of bench is kept as {aside.name}")
        except (FileNotFoundError, RecordError):
            pass

    def read_all(self) -> list[RunRecord]:
        """Read every record, the newest of each spec, in the order they were started."""
        paths = sorted(self.runs.glob("*.json"))
        records = sorted(filter(None, map(self._read, paths)), key=lambda record: record.started_at)
        newest = {record.spec: record for record in records}
        return [record for record in records if newest[record.spec] is record]

    def done(self, spec: RunSpec) -> bool:
        """Whether a run of this spec ended well; any other ending is tried again."""
        record = self._read(self.runs / file_name(spec))
        return record is not None and record.status == "ok" and record.spec == spec

    def _read(self, path: Path) -> RunRecord | None:
        if not path.resolve().is_relative_to(self.runs.resolve()):
            self.warnings.append(f"{path} leads out of the directory; it is left out")
            return None
        try:
            return RunRecord.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OtherVersion as error:
            self.warnings.append(f"{path} is left out: {error}")
            return None
        except RecordError as error:
            aside = path.with_name(f"{path.name}.corrupt")
            with suppress(OSError):  # a directory that may only be read
                path.replace(aside)
            self.warnings.append(f"{path} is left out and put aside as *.corrupt: {error}")
            return None


def file_name(spec: RunSpec) -> str:
    """Name the file of a run: what a reader looks for, and a digest that keeps equal names apart."""
    canonical = json.dumps(spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    parts = (_slug(spec.name, 24), _slug(spec.workload.model, 16), _slug(spec.workload.dataset, 16))
    return f"{'_'.join(parts)}_{_slug(str(spec.seed), 5)}-{digest}.json"


def _slug(text: str, length: int) -> str:
    """Keep the last component of a path, and of it what every file system takes."""
    last = text.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:length] or "x"
