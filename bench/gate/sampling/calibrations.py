"""What the gate knows of this machine's noise, kept in the cache by machine, work and strategy."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from bench.cache import cache_dir
from bench.errors import UsageError
from bench.gate.judging.baseline import read_baseline, write_baseline
from bench.gate.judging.noise import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.gate.judging.baseline import Baseline
    from bench.gate.judging.margins import Margins

__all__ = ["keep", "look_up"]

_MACHINE = ("processor", "threads", "device")
"""Of a fingerprint. Versions of software change what a step takes, and hardly how it varies; the number of cores is
that which a run was allowed, which is not the same in all of a gate."""


def keep(baseline: Baseline) -> None:
    """Keep a baseline as the calibration of the machine that it was recorded on.

    Raises:
        UsageError: the cache cannot be written.

    """
    for name, recorded in baseline.strategies.items():
        alone = baseline.model_copy(update={"strategies": {name: recorded}})
        write_baseline(alone, _path(baseline.work, name, baseline.side.fingerprint))


def look_up(work: Mapping[str, object], margins: Margins, name: str, fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Say which step times of a strategy were found too noisy to be judged on a machine, and why."""
    path = _path(work, name, fingerprint)
    try:
        known = read_baseline(path)
    except UsageError:  # none, or one of another version
        return {}
    recorded = known.strategies.get(name)
    return refusals(recorded, known.recorded, margins.of(name)) if recorded else {}


def _path(work: Mapping[str, object], name: str, fingerprint: Mapping[str, str]) -> Path:
    machine = [fingerprint.get(key) for key in _MACHINE]
    others = sorted((key, value) for key, value in work.items() if key != "strategies")
    digest = sha256(json.dumps([machine, others, name]).encode()).hexdigest()
    return cache_dir() / "gate" / "calibrations" / f"{digest[:16]}.json"
