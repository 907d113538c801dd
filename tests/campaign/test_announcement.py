import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.campaign.announcement import in_words, matrix_table, micro_batch_in_words
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.protocol import Fitted

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


def test_processes_that_share_a_run_are_said_where_there_are_several():
    shared = [spec.model_copy(update={"num_processes": 2}) for spec in (FULL, AMP)]
    assert ", batches of 16, on cpu, 2 processes a run; results in out" in in_words(shared, shared, Path("out"))
    assert "process" not in in_words((FULL, AMP), (FULL, AMP), Path("out"))
    of_several, of_one = (_printed(matrix_table(specs)) for specs in (shared, (FULL, AMP)))
    assert [line.rstrip() for line in of_several] == [*(line.rstrip() for line in of_one), "2 processes a run"]


@pytest.mark.parametrize(
    ("num_rows", "said"),
    [
        (16, "micro-batch of full: the whole batch of 16, 1 GiB to 2 GiB of 4 GiB by its forecast"),
        (5, "micro-batch of full: 5, in 4 passes a step, 1 GiB to 2 GiB of 4 GiB by its forecast"),
        (
            0,
            "micro-batch of full: not even one row fits for certain, 1 GiB to 2 GiB of 4 GiB by its forecast; it is run with one",
        ),
    ],
)
def test_a_micro_batch_is_said_with_what_it_takes(num_rows, said):
    told = Fitted(num_rows=num_rows, batch_size=16, peak_bytes=(2**30, 2**31), memory_bytes=2**32)
    assert micro_batch_in_words("full", told) == said


@pytest.mark.parametrize(
    ("num_rows", "said"),
    [
        (8, "micro-batch of full: all 8 rows of each of 2 processes, 1 GiB to"),
        (5, "micro-batch of full: 5, in 2 passes a step of each of 2 processes, 1 GiB to"),
    ],
)
def test_that_of_several_processes_is_of_the_rows_of_each(num_rows, said):
    told = Fitted(num_rows=num_rows, batch_size=8, num_processes=2, peak_bytes=(2**30, 2**31), memory_bytes=2**32)
    assert micro_batch_in_words("full", told).startswith(said)


def test_a_micro_batch_that_cannot_be_told_is_said_to_be_none():
    assert (
        micro_batch_in_words("full", None)
        == "micro-batch of full: none was found, so that batches are run whole, or as the strategy itself cuts them"
    )


def test_the_matrix_shows_what_batches_are_cut_into():
    cut = FULL.model_copy(update={"micro_batch_size": 3})
    _, first, second = _printed(matrix_table([cut, AMP]))
    assert " 16 by 3 " in first
    assert " by " not in second


def _printed(table):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text().splitlines()
