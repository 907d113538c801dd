from pathlib import Path

import pytest

from bench.campaign.announcement import in_words
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy

FULL, AMP = (
    RunSpec(strategy=parse_strategy(name), workload=WorkloadSpec(model="minilm-l6"), steps=1)
    for name in ("full", "amp")
)


@pytest.mark.parametrize(
    ("todo", "said"),
    [
        ((FULL, AMP), "2 runs: full, amp; minilm-l6 on rotten-tomatoes, 1 seed, 1 step, batches of 16, on cpu"),
        ((AMP,), "2 runs, 1 of them done: full, amp;"),
        ((), "2 runs, all done before, so that model and data are not looked at again: full, amp;"),
    ],
)
def test_what_is_left_to_do_is_said(todo, said):
    assert in_words((FULL, AMP), todo, Path("out")).startswith(said)
