from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import Unsupported
from bench.plan.compose import compose
from bench.training.parallel.choose import shared_by
from bench.training.parallel.group import Group
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama
from tests.applied import CPU

if TYPE_CHECKING:
    from bench.plan.train_plan import Sharing


@pytest.mark.parametrize(("how", "cuts"), [(None, False), ("replicate", False), ("shard", True)])
def test_a_plan_says_how_ranks_share_its_run(how: Sharing | None, cuts: bool) -> None:
    plan = compose([], view_of(tiny_llama()))
    shared = shared_by(Group(1, 2, CPU), how, plan)
    assert (shared.rank, shared.num_ranks, shared.cuts) == (1, 2, cuts)


def test_one_process_shares_with_nobody() -> None:
    plan = compose([], view_of(tiny_llama()))
    assert shared_by(None, None, plan).num_ranks == 1
    assert shared_by(None, "replicate", plan).num_ranks == 1
    with pytest.raises(Unsupported, match="give --nproc 2 or more"):
        shared_by(None, "shard", plan)
