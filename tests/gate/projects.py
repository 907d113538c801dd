"""Repositories of other people: a project with benchmarks, and files of processes that nobody had to wait for."""

from __future__ import annotations

import json
import math
import random
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["EMIT", "commit", "replayed"]

STARTED = datetime(2026, 11, 1, tzinfo=UTC)

EMIT = '''
"""Writes what pytest-benchmark would, at once: times by the name of the benchmark, from times.json beside it."""
import datetime, json, pathlib, sys

times = json.loads(pathlib.Path("times.json").read_text())
benchmarks = [{"fullname": name, "stats": {"median": s, "mean": s}} for name, s in times.items()]
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
pathlib.Path(sys.argv[1]).write_text(json.dumps({"datetime": now, "benchmarks": benchmarks}))
'''


def commit(root: Path, files: Mapping[str, str], message: str = "a change") -> str:
    """Write files into a repository, which is made where there is none, and commit everything; give the commit."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / ".git").exists():
        _git(root, "init", "--quiet", "--initial-branch", "main")
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", message)
    return _git(root, "rev-parse", "HEAD")


def _git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    done = subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def replayed(
    folder: Path, names: list[str], *, noise: float, seed: int, slower: Mapping[str, float] | None = None
) -> Callable[[bool, int], Path]:
    """Stand for the processes of a gate: files of seeded times, one after the other; noise is of a process and of each time."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    taken = iter(range(1000))

    def measure(is_head: bool, number: int) -> Path:
        shared = draw.gauss(0, noise)
        benchmarks = []
        for place, name in enumerate(names):
            seconds = 0.001 * (1 + place) * math.exp(shared + draw.gauss(0, noise))
            seconds *= 1 + (slower or {}).get(name, 0.0) * is_head
            stats = {"median": seconds, "mean": seconds * math.exp(draw.gauss(0, noise / 3))}
            benchmarks.append({"fullname": name, "stats": stats})
        when = STARTED + timedelta(seconds=next(taken))
        path = folder / f"{'head' if is_head else 'base'}-{number}.json"
        path.write_text(json.dumps({"datetime": when.isoformat(), "benchmarks": benchmarks}))
        return path

    return measure
