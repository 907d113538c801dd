"""Executors by name: those of bench, and entry points of the group "bench.executors"."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.executors.followers import Followers

__all__ = ["GROUP", "LOCAL", "Options", "check", "make"]

GROUP = "bench.executors"
LOCAL = "local"
_OURS = {
    LOCAL: "bench.executors.local:Runner.of",
    "ray": "bench.executors.ray:RayExecutor",
    "slurm": "bench.executors.slurm:SlurmExecutor",
}
_PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""What an extra of the same name installs."""
_TAKEN = {"address": ("ray", "slurm"), "accelerator": ("ray", "slurm"), "partition": ("slurm",), "sbatch": ("slurm",), "array": ("slurm",)}  # fmt: skip
"""Options that only some of ours have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an executor is made with: `make(options)` is a context manager that is an `Executor` of `bench.campaign.executing`."""

    directory: Path
    """Of the results; an executor may keep files in it."""
    say: Callable[[str], None]
    """Shows one sentence, such as that a run waits."""
    timeout_seconds: float | None = None
    max_memory_bytes: float | None = None
    concurrent: int | None = None
    """Runs at a time; None leaves it to the executor."""
    address: str | None = None
    accelerator: str | None = None
    partition: str | None = None
    sbatch: str | None = None
    array: bool = False
    followers: Followers | None = None
    """Other processes that were started alike and share each run; None where there are none."""


def check(name: str, given: dict[str, Any]) -> None:
    """Refuse an executor that is not there, and options that it does not have.

    Args:
        name: Of the executor.
        given: Options by name; one that is None or False is not given.

    Raises:
        UnknownName: nothing is registered under `name`.
        UsageError: it needs a package that is not installed, or has no such option.

    """
    names = _points()
    if name not in names:
        kind = "executor"
        raise UnknownName(kind, name, names)
    if (package := _PACKAGES.get(name)) and find_spec(package) is None:
        raise UsageError(
            f"--executor {name} needs {package}, which is not installed: pip install 'finetune-bench[{name}]'"
        )
    for option, takers in _TAKEN.items():
        if name in _OURS and given.get(option) and name not in takers:
            raise UsageError(f"--{option} is for --executor {' or '.join(takers)}, not for {name}")


def make(name: str, options: Options) -> Any:
    """Make an executor; it works while its context is open.

    Raises:
        UsageError: it cannot be imported, or not made here.

    """
    point = _points()[name]
    try:
        factory = point.load()
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"executor {name!r} cannot be imported from {point.value}: {type(error).__name__}: {error}"
        ) from error
    return factory(options)


def _points() -> dict[str, EntryPoint]:
    ours = {name: EntryPoint(name, value, GROUP) for name, value in _OURS.items()}
    return {point.name: point for point in entry_points(group=GROUP)} | ours
