from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

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
    said, where = efficiencies(comparisons)
    assert where == "On a CPU processes share the processors: efficiency there is not that of more devices."
    assert re.fullmatch(
        r"full by 2 processes has 1.50. the throughput of one( \(.*\))?: an efficiency of 7[45]\.\d%\.", said
    )
    assert efficiencies(comparisons[:1]) == ()


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("full+shard", "full"),
        ("full+shard:offload=true", "full"),
        ("freeze:last=1+shard+amp", "freeze:last=1+amp"),
        ("shard:lr=0.01+full", "full:lr=0.01"),
    ],
)
def test_what_several_processes_cut_is_held_against_the_same_uncut_by_one(
    make_record: Make, in_processes: Make, asked: Make, cut: str, whole: str
) -> None:
    alone = [asked(make_record(step=1.4, seed=seed), whole) for seed in range(3)]
    shared = [asked(in_processes(make_record(step=1.0, seed=seed)), cut) for seed in range(3)]
    said, _ = efficiencies(split([alone, shared]))
    told = re.escape(f"{cut} by 2 processes has 1.40\N{MULTIPLICATION SIGN} the throughput of {whole} by one")
    assert re.fullmatch(rf"{told} \(.*\): an efficiency of (69\.[5-9]|70\.\d)%\.", said)


@pytest.mark.parametrize(
    ("cut", "other"), [("full+shard", "freeze"), ("shard", "freeze"), ("shard:lr=0.01+full", "full")]
)
def test_what_one_process_ran_neither_cut_nor_whole_is_not_spoken_of(
    make_record: Make, in_processes: Make, asked: Make, cut: str, other: str
) -> None:
    assert efficiencies(split([[asked(make_record(), other)], [asked(in_processes(make_record()), cut)]])) == ()


def test_that_processors_are_shared_is_said_once_and_of_a_cpu_alone(
    make_record: Make, in_processes: Make, asked: Make
) -> None:
    def said(device: str) -> tuple[str, ...]:
        alone = [asked(make_record(), name, device=device) for name in ("full", "amp")]
        shared = [asked(in_processes(make_record()), f"{name}+shard", device=device) for name in ("full", "amp")]
        return efficiencies(split([alone, shared]))

    on_cpu, on_gpus = said("cpu"), said("cuda")
    assert len(on_cpu) == 3
    assert on_gpus == on_cpu[:2]


def test_what_differs_in_more_than_its_processes_is_not(make_record: Make, in_processes: Make) -> None:
    alone = compare([make_record("full")])
    other = compare([in_processes(make_record("full", workload={"max_length": 8}))])
    assert efficiencies([alone, other]) == ()
