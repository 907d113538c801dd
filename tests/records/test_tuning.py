"""What a record says of the search for its rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.records.record import RunRecord
from bench.records.tuning import Tuning, TuningTrial

if TYPE_CHECKING:
    from collections.abc import Callable


def tuning(lr: float | None) -> Tuning:
    """Two rates at 8 steps, both again at 16, after the default."""
    tried = [(None, 16), (1e-4, 8), (1e-2, 8), (1e-3, 8), (1e-4, 16), (1e-3, 16)]
    trials = tuple(
        TuningTrial(lr=rate, num_steps=steps, status="ok", quality=0.5, loss=1.0, seconds=steps)
        for rate, steps in tried
    )
    return Tuning(metric="accuracy", num_rows=100, trials=trials, lr=lr)


def test_the_seconds_of_all_trials_are_its_cost() -> None:
    assert tuning(None).seconds == 16 + 3 * 8 + 2 * 16


def test_trials_as_long_as_a_run_are_those_that_were_chosen_among() -> None:
    assert [trial.lr for trial in tuning(None).whole_trials] == [None, 1e-4, 1e-3]


@pytest.mark.parametrize(("lr", "edge"), [(None, None), (1e-4, "lowest"), (1e-3, None), (1e-2, "highest")])
def test_an_edge_is_the_lowest_or_highest_of_all_that_were_tried(lr: float | None, edge: str | None) -> None:
    assert tuning(lr).edge == edge


@pytest.mark.parametrize(("rate", "edge"), [(None, None), (1e-4, "lowest"), (1e-3, None), (1e-2, "highest")])
def test_an_edge_of_another_rate_than_the_chosen_one(rate: float | None, edge: str | None) -> None:
    assert tuning(None).edge_of(rate) == edge


def test_it_is_read_back_with_its_record(make_record: Callable[..., RunRecord]) -> None:
    record = make_record().model_copy(update={"tuning": tuning(1e-3)})
    assert RunRecord.from_json(record.to_json()) == record
    assert RunRecord.from_json(make_record().to_json()).tuning is None
