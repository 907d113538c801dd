from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.errors import Unsupported
from bench.plan.compose import compose
from bench.training.parallel.choose import shared_by
from bench.training.parallel.group import Group
from bench.training.target import Target, aiming_at
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama

if TYPE_CHECKING:
    from bench.plan.sharing import Sharing

A_GPU = Target(kind="cuda", name="a GPU", has_native_bf16=True)


@pytest.mark.parametrize(
    ("how", "cuts"), [(None, False), ("replicate", False), ("shard", True), ("shard-offload", True)]
)
def test_a_plan_says_how_ranks_share_its_run(how: Sharing | None, cuts: bool) -> None:
    plan = compose([], view_of(tiny_llama())).with_parallel(how)
    with aiming_at(A_GPU):
        shared = shared_by(Group(1, 2, torch.device("cuda")), plan)
    assert (shared.rank, shared.num_ranks, shared.cuts) == (1, 2, cuts)


def test_one_process_shares_with_nobody() -> None:
    plan = compose([], view_of(tiny_llama()))
    assert shared_by(None, plan).num_ranks == 1
    assert shared_by(None, plan.with_parallel("replicate")).num_ranks == 1
    for how in ("shard", "shard-offload"):
        with pytest.raises(Unsupported, match="give --nproc 2 or more"):
            shared_by(None, plan.with_parallel(how))
