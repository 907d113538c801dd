"""The runs that settings ask for, checked; a wrong name is answered before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.campaign.preflight import check_request
from bench.errors import UsageError
from bench.executors.devices import choose_device
from bench.executors.registry import LOCAL
from bench.executors.registry import check as check_executor
from bench.experiment.matrix import matrix
from bench.experiment.settings import FIT

if TYPE_CHECKING:
    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec

__all__ = ["requested"]


def requested(settings: Settings) -> tuple[RunSpec, ...]:
    """List the runs that settings ask for, all checks done that need neither model nor data; whole batches where micro-batches are still to be found.

    Raises:
        UsageError: the request is wrong.

    """
    if settings.tune is not None and settings.lr is not None:
        raise UsageError(
            f"--tune searches for a learning rate, and --lr {settings.lr:g} gives one: leave one of them out"
        )
    if settings.tune is not None and settings.on_oom == "halve":
        raise UsageError(
            "--tune and --on-oom halve: a rate is searched for at one micro-batch, and may not be that for another; leave one of them "
            "out, or give a --micro-batch-size that fits"
        )
    check_executor(settings.executor, settings.model_dump())
    known = settings.in_whole_batches if settings.micro_batch_size == FIT else settings
    specs = matrix(known, _device(settings))
    check_request(specs, seconds=settings.timeout)
    return specs


def _device(settings: Settings) -> str:
    """Find the device of the runs; that of other machines is what was asked for, and auto would ask this one."""
    if settings.executor == LOCAL:
        return choose_device(settings.device)
    if settings.device not in ("cpu", "cuda"):
        raise UsageError(
            f"--device {settings.device}: give cpu or cuda with --executor {settings.executor}; which GPU a run gets is decided on its "
            "node, and auto would ask this machine"
        )
    return settings.device
