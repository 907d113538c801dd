"""Reads `parallel`: how the ranks of a run share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.errors import Unsupported
from bench.plan.sharing import cuts, offloads
from bench.training.parallel.single import Single
from bench.training.precision import resolve_dtype
from bench.training.target import kind_of

if TYPE_CHECKING:
    from bench.plan.train_plan import TrainPlan
    from bench.training.parallel.base import Parallel
    from bench.training.parallel.group import Group

__all__ = ["check_offload", "check_shared", "shared_by"]


def shared_by(group: Group | None, plan: TrainPlan) -> Parallel:
    """Let the ranks of `group` share a run as its plan says; None is a run of one process.

    Raises:
        Unsupported: the plan cannot be shared so.

    """
    check_shared(plan, None if group is None else group.device)
    if group is None:
        return Single()
    if cuts(plan.parallel):
        from bench.training.parallel.shard import Shard  # noqa: PLC0415  (it imports much of torch)

        return Shard(group.rank, group.num_ranks, group.device, mesh=group.mesh, offloads=offloads(plan.parallel))
    from bench.training.parallel.replicate import Replicate  # noqa: PLC0415  (most runs have one process)

    return Replicate(group.rank, group.num_ranks, group.device, group.begin_sum)


def check_shared(plan: TrainPlan, device: torch.device | None) -> None:
    """Refuse to cut what would be wrong in parts, or is not known to be right, and what a process trains alone: then `device` is None.

    Raises:
        Unsupported: with the reason.

    """
    if not cuts(plan.parallel):
        return
    if device is None:
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
    }
    if name := next((name for name in why if getattr(plan, name)), None):
        raise Unsupported(f"{why[name]}: leave shard out, or the other")
    if offloads(plan.parallel):
        check_offload(plan, device)


def check_offload(plan: TrainPlan, device: torch.device) -> None:
    """Refuse to let parameters wait in the host's memory where they are there anyway, or where they would meet what is not.

    Raises:
        Unsupported: it is a CPU; or fp16, whose loss scale is on the GPU: torch copies it to the gradients on the host, and
            does not wait until it is there.

    """
    if kind_of(device) == "cpu":
        raise Unsupported(
            "offload keeps parameters in the host's memory, where a CPU has them anyway: leave offload out, or give --device cuda"
        )
    if resolve_dtype(plan.precision, device) == torch.float16:
        raise Unsupported(
            "gradients that wait in the host's memory may be checked before fp16's loss scale has come there: leave offload out, or give amp:dtype=bf16"
        )
