import numpy as np
import pytest

from bench.errors import UsageError
from bench.experiment.spec import RunSpec, parse_strategy
from bench.training.schedule import schedule_of
from bench.workload.toy import toy_split


def test_more_epochs_than_a_run_can_hold_are_refused_before_they_are_drawn() -> None:
    spec = RunSpec(strategy=parse_strategy("full"), epochs=1_000_000, batch_size=1)
    with pytest.raises(
        UsageError, match=r"^--epochs 1000000 of 32 rows are 32000000 steps; a run has 10000000 at most$"
    ):
        schedule_of(spec, toy_split(32))


def test_the_largest_seed_draws_an_order_too() -> None:
    spec = RunSpec(strategy=parse_strategy("full"), seed=2**63 - 1)
    rows = np.concatenate(schedule_of(spec, toy_split(32)).epochs[0])
    assert sorted(rows) == list(range(32))
