"""Reads `parallel`: how the ranks of a run share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import Unsupported
from bench.training.parallel.single import Single

if TYPE_CHECKING:
    from bench.plan.train_plan import Sharing, TrainPlan
    from bench.training.parallel.base import Parallel
    from bench.training.parallel.group import Group

__all__ = ["shared_by"]


def shared_by(group: Group | None, how: Sharing | None, plan: TrainPlan) -> Parallel:
    """Let the ranks of `group` share a run in this way, which its plan says beside the rest; None is a run of one process.

    Raises:
        Unsupported: the plan cannot be shared so.

    """
    if group is None:
        if how == "shard":
            raise Unsupported(
                "shard cuts a model among several processes, and this run has one: give --nproc 2 or more"
            )
        return Single()
    if how == "shard":
        from bench.training.parallel.shard import Shard, check_plan  # noqa: PLC0415  (it imports much of torch)

        check_plan(plan)
        return Shard(group.rank, group.num_ranks, group.device)
    from bench.training.parallel.replicate import Replicate  # noqa: PLC0415  (most runs have one process)

    return Replicate(group.rank, group.num_ranks, group.device, group.all_reduce)
