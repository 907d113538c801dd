"""Reads `parallel`: how the ranks of a run share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import Unsupported
from bench.training.parallel.single import Single

if TYPE_CHECKING:
    from bench.plan.train_plan import Sharing, TrainPlan
    from bench.training.parallel.base import Parallel
    from bench.training.parallel.group import Group

__all__ = ["check_shared", "shared_by"]


def shared_by(group: Group | None, how: Sharing | None, plan: TrainPlan) -> Parallel:
    """Let the ranks of `group` share a run in this way, which its plan says beside the rest; None is a run of one process.

    Raises:
        Unsupported: the plan cannot be shared so.

    """
    check_shared(how, plan, is_alone=group is None)
    if group is None:
        return Single()
    if how == "shard":
        from bench.training.parallel.shard import Shard  # noqa: PLC0415  (it imports much of torch)

        return Shard(group.rank, group.num_ranks, group.device)
    from bench.training.parallel.replicate import Replicate  # noqa: PLC0415  (most runs have one process)

    return Replicate(group.rank, group.num_ranks, group.device, group.all_reduce)


def check_shared(how: Sharing | None, plan: TrainPlan, *, is_alone: bool) -> None:
    """Refuse to cut what a process trains alone, what would be wrong in parts, or is not known to be right.

    Raises:
        Unsupported: with the reason.

    """
    if how != "shard":
        return
    if is_alone:
        raise Unsupported("shard cuts a model among several processes, and this run has one: give --nproc 2 or more")
    if plan.frozen_weights in {"int8", "nf4"}:
        raise Unsupported(
            f"weights in {plan.frozen_weights} are not cut among devices: leave shard or the quantised weights out"
        )
    if plan.weights == "bf16" and len(plan.phases.ever()) > 1:
        raise Unsupported(
            "what trains later on would have its gradients summed in bf16 under shard: leave pure_bf16 or the phases out"
        )
    why = {
        "seen_embeddings": "seen_embeddings splits a table that shard cuts among devices",
        "after_step": "what is called after each step may need whole parameters, which no device has under shard",
        "averaging": "averages of the weights are not made of parts yet",
        "compile": "compiled layers are not tried under shard yet",
        "prompt_tokens": "a prompt that learns is not tried under shard yet",
    }
    if name := next((name for name in why if getattr(plan, name)), None):
        raise Unsupported(f"{why[name]}: leave shard out, or the other")
