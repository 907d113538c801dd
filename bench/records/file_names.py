"""The names of the files of runs, for the reader and without a clash."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.experiment.spec import RunSpec

__all__ = ["file_name"]


def file_name(spec: RunSpec) -> str:
    """Return the file name of a run: strategy, model, data set and seed for the reader, and a digest of the whole spec."""
    digest = hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:12]
    parts = (_slug(spec.name.replace("/", "-"), 24), _slug(spec.workload.model, 16), _slug(spec.workload.dataset, 16))
    return f"{'_'.join(parts)}_{_slug(str(spec.seed), 5)}-{digest}.json"


def _slug(text: str, length: int) -> str:
    """Return the last component of a path, in characters that every file system takes."""
    last = text.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:length] or "x"
