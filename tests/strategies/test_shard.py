from __future__ import annotations

from dataclasses import dataclass

import pytest
from bench.beside.strategies.shard import Shard

from bench.errors import PlanConflict, Unsupported
from bench.plan.compose import compose
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama
from tests.applied import applied


def test_it_says_how_processes_share_a_run_and_nothing_else() -> None:
    view = view_of(tiny_llama())
    assert Shard().edit(view) == {"parallel": "shard"}
    assert Shard(offload=True).edit(view) == {"parallel": "shard-offload"}
    plan = compose([Shard()], view)
    assert plan.with_parallel("replicate").parallel == "shard", "the run says it where no strategy does"
    assert compose([], view).with_parallel("shard").parallel == "shard"
    with pytest.raises(PlanConflict):
        compose([Shard(), Replicating()], view)


@dataclass(frozen=True)
class Replicating:
    def edit(self, _view: object, /) -> dict[str, object]:
        return {"parallel": "replicate"}


def test_a_run_of_one_process_has_nobody_to_share_with() -> None:
    with pytest.raises(Unsupported, match="give --nproc 2 or more"):
        applied("shard")
