from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.analysis.scaling import efficiencies

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

    Make = Callable[..., RunRecord]


def test_the_throughput_of_several_processes_is_held_against_that_of_one(make_record: Make, in_processes: Make) -> None:
    alone = [make_record(name, seed=seed, step=1.5) for name in ("full", "freeze") for seed in range(3)]
    shared = [in_processes(make_record("full", seed=seed, step=1.0), num=2) for seed in range(3)]
    comparisons = split([alone, shared])
    assert len(comparisons) == 2
    (said,) = efficiencies(comparisons)
    assert re.fullmatch(
        r"full by 2 processes has 1.50. the throughput of one( \(.*\))?: an efficiency of 7[45]\.\d%\.", said
    )
    assert efficiencies(comparisons[:1]) == ()


def test_what_differs_in_more_than_its_processes_is_not(make_record: Make, in_processes: Make) -> None:
    alone = compare([make_record("full")])
    other = compare([in_processes(make_record("full", workload={"max_length": 8}))])
    assert efficiencies([alone, other]) == ()
