from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.experiment.spec import RunSpec
from bench.records.micro_batch import rows_asked, rows_planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


@pytest.mark.parametrize(
    ("micro_batch_size", "num_processes", "rows"),
    [(None, None, 8), (3, None, 3), (8, None, 8), (64, None, 8), (None, 3, 3), (2, 3, 2), (8, 2, 4)],
)
def test_a_pass_has_no_more_rows_than_a_process(
    micro_batch_size: int | None, num_processes: int | None, rows: int
) -> None:
    spec = RunSpec(strategy=(), batch_size=8, micro_batch_size=micro_batch_size, num_processes=num_processes)
    assert rows_asked(spec) == rows


def test_what_was_planned_goes_before_what_was_asked_for(make_record: Callable[..., RunRecord]) -> None:
    record = make_record()
    asked = record.model_copy(update={"spec": record.spec.model_copy(update={"micro_batch_size": 4})})
    assert (rows_planned(record), rows_planned(asked)) == (16, 4), "of an older version"
    assert rows_planned(asked.model_copy(update={"micro_batch_size": 2})) == 2
    assert rows_planned(make_record(status="failed")) is None
