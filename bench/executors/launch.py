"""Whether this process is one of several that torchrun or srun started alike, as their environment variables say."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import Unsupported, UsageError
from bench.executors.devices import visible_gpus
from bench.experiment.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HERE", "Launch", "check_started_once", "launched"]

HERE = "127.0.0.1"
"""The address of this machine to itself."""
_SLURM_PORTS = range(20_000, 30_000)
"""Of which a job step takes the one that its number says: two on one node rarely meet."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One of the processes, and where they meet."""

    rank: int
    """0 carries out the comparison; the others follow it."""
    num: int
    local_rank: int
    """Among those of its node."""
    address: str
    port: int
    has_store: bool
    """Whether who started them holds torch's store at this address; else rank 0 does."""
    attempt: str = "0"
    """torchrun may start all of them once more, with the same store."""

    def share(self, settings: Settings, *, in_process: bool) -> Settings:
        """Let all of them share each run.

        Raises:
            UsageError: the settings ask for something else.

        """
        asked = settings.num_processes
        if asked not in (None, self.num):
            raise UsageError(
                f"--nproc {asked}: {self.num} processes were started alike, which share each run; leave --nproc out"
            )
        if in_process or settings.executor != Settings().executor or settings.concurrent is not None:
            raise UsageError(
                f"{self.num} processes that were started alike share one run at a time: leave out --in-process, --executor and --concurrent"
            )
        return settings.model_copy(update={"num_processes": self.num})

    def take_device(self) -> None:
        """See the GPU of this process alone: that of its number on its node, unless who started it has left it one."""
        with suppress(Unsupported):  # without a driver there is none
            gpus = visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))
            if len(gpus) > 1:
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[self.local_rank : self.local_rank + 1])


def launched(environ: Mapping[str, str] = os.environ) -> Launch | None:
    """Read which of several processes this one is; None where it was started alone.

    Raises:
        UsageError: a variable is missing, or is no number.

    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")
        address, port = environ.get("MASTER_ADDR"), None
    elif "SLURM_STEP_ID" in environ:  # a task of srun: a batch script has the other variables too, and is started once
        names = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "MASTER_PORT")
        address, port = _address(environ), _port(environ)
    else:
        return None
    if environ.get(names[1], "1") == "1":
        return None
    rank, num, local_rank, own_port = (
        _number(environ, name, port if name == "MASTER_PORT" else None) for name in names
    )
    if not address:
        raise UsageError(f"{num} processes were started alike, and MASTER_ADDR, the address of the first, is not set")
    has_store = environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return Launch(rank, num, local_rank, address, own_port, has_store, environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def check_started_once() -> None:
    """Refuse to be one of several that were started alike: each would carry out the whole comparison.

    Raises:
        UsageError: torchrun, srun, or what sets the same variables, started more than this process.

    """
    if launch := launched():
        raise UsageError(
            f"this is one of {launch.num} processes that were started alike, and each would carry out the comparison: start `bench compare` "
            "so, or one process, which starts the others by --nproc (num_processes=)"
        )


def _number(environ: Mapping[str, str], name: str, default: int | None) -> int:
    given = environ.get(name, "" if default is None else str(default))
    if not given.isdecimal():
        told = f"is {given!r}, which is no number" if given else "is not set"
        raise UsageError(f"{name} {told}: processes that are started alike need it, as torchrun and srun set it")
    return int(given)


def _address(environ: Mapping[str, str]) -> str | None:
    """Of the node of rank 0: the first of the list, such as node[03-10]. The one where srun was called may be another."""
    nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST") or ""
    first = re.match(r"([^,\[]+)(?:\[(\d+)[^\]]*\])?([^,\[]*)", nodes)
    named = "".join(part or "" for part in first.groups()) if first else None
    return environ.get("MASTER_ADDR") or named or environ.get("SLURM_LAUNCH_NODE_IPADDR")


def _port(environ: Mapping[str, str]) -> int:
    job, step = (re.sub(r"\D", "", environ.get(name, "")) or "0" for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return _SLURM_PORTS[(int(job) * 16 + int(step)) % len(_SLURM_PORTS)]
