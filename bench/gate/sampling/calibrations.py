"""Calibrations: this machine's noise, cached by machine, workload and strategy."""

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
"""Parts of a fingerprint that do not matter for noise. Versions of software change how long a step takes, but hardly
how much it varies; the number of cores is what a run was allowed, which differs within a gate."""


def keep(baseline: Baseline) -> None:
    """Keep a baseline as the calibration of the machine that it was recorded on.

    Raises:
        UsageError: the cache cannot be written.

    """
    for name, recorded in baseline.strategies.items():
        alone = baseline.model_copy(update={"strategies": {name: recorded}})
        write_baseline(alone, _path(baseline.work, name, baseline.side.fingerprint))


def look_up(work: Mapping[str, object], margins: Margins, name: str, fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Return by metric why step times of a strategy are too noisy to be judged on a machine."""
    path = _path(work, name, fingerprint)
    try:
        known = read_baseline(path)
    except UsageError:  # no calibration, or one of another version
        return {}
    recorded = known.strategies.get(name)
    return refusals(recorded, known.recorded, margins.of(name)) if recorded else {}


def _path(work: Mapping[str, object], name: str, fingerprint: Mapping[str, str]) -> Path:
    machine = [fingerprint.get(key) for key in _MACHINE]
    others = sorted((key, value) for key, value in work.items() if key != "strategies")
    digest = sha256(json.dumps([machine, others, name]).encode()).hexdigest()
    return cache_dir() / "gate" / "calibrations" / f"{digest[:16]}.json"
