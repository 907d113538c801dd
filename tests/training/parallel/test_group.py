from __future__ import annotations

import numpy as np
import pytest
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st

from bench.training.parallel.group import Group, joined, why_whole
from tests.applied import CPU


@given(num_rows=st.integers(1, 40), num_ranks=st.integers(1, 9), size=st.none() | st.integers(1, 12))
def test_the_passes_of_all_ranks_have_every_row_once_and_are_as_many_on_each(
    num_rows: int, num_ranks: int, size: int | None
) -> None:
    rows = np.arange(100, 100 + num_rows)
    of_ranks = [Group(rank, num_ranks, CPU).passes(rows, size) for rank in range(num_ranks)]
    counted = [(part, share) for passes in of_ranks for part, share in passes if share]
    assert sorted(row for part, _ in counted for row in part) == rows.tolist()
    assert all(share == pytest.approx(len(part) / num_rows) for part, share in counted)
    assert len({len(passes) for passes in of_ranks}) == 1
    assert all(len(part) for passes in of_ranks for part, _ in passes)
    assert size is None or max(len(part) for passes in of_ranks for part, _ in passes) <= size


def test_one_rank_meets_itself(tmp_path: object) -> None:
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        assert group.gather((1.0, 2.5)) == [[1.0, 2.5]]


def test_only_where_a_run_is_shared_parameters_can_be_in_parts(tmp_path: object) -> None:
    told = RuntimeError("Sharding propagation failed for aten.view.default"), RuntimeError("mixed Tensor and DTensor")
    assert not any(map(why_whole, told))
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU):
        assert all("does not compute with parts" in str(why_whole(error)) for error in told)
        assert why_whole(RuntimeError("another")) is None
        assert why_whole(ValueError("DTensor")) is None


def test_runs_meet_one_after_the_other_in_a_store_that_stands() -> None:
    store = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    for run in range(2):
        with joined(f"tcp://localhost:{store.port}/runs/{run}", rank=0, num_ranks=1, device=CPU) as group:
            assert group.gather((1.0, 2.5)) == [[1.0, 2.5]]
    assert store.num_keys() >= 2, "each under its own name"
