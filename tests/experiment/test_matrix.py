from __future__ import annotations

from typing import Any

import pytest

from bench.errors import UsageError
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings


def test_the_defaults_are_the_main_job() -> None:
    specs = matrix(Settings.gather({}), "cpu")
    assert sorted(spec.name for spec in specs) == ["amp", "freeze", "full"]
    assert {spec.workload.model for spec in specs} == {"smollm2-135m"}
    assert {spec.workload.dataset for spec in specs} == {"rotten-tomatoes"}


def test_seeds_are_outermost_and_strategies_shuffled_within() -> None:
    specs = matrix(Settings.gather({"seeds": 6}), "cpu")
    assert [spec.seed for spec in specs] == [seed for seed in range(6) for _ in range(3)]
    rounds = [tuple(spec.name for spec in specs[start : start + 3]) for start in range(0, 18, 3)]
    assert all(sorted(names) == ["amp", "freeze", "full"] for names in rounds)
    assert len(set(rounds)) > 1
    assert specs == matrix(Settings.gather({"seeds": 6}), "cpu")


def test_only_the_strategy_and_the_seed_differ_within_a_matrix() -> None:
    specs = matrix(Settings.gather({"seeds": 2, "lr": 1e-3, "batch_size": 4}), "cpu")
    assert len({spec.model_copy(update={"strategy": (), "seed": 0}) for spec in specs}) == 1
    assert specs[0].lr == 1e-3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategies": "freez"}, "Did you mean freeze?"),
        ({"strategies": "freeze:lst=1"}, "Did you mean last?"),
        ({"reference": "full:"}, "'' in strategy 'full:' is not of the form option=value"),
        ({"reference": "ful"}, "unknown reference 'ful'. Did you mean full?"),
    ],
)
def test_a_matrix_of_unknown_strategies_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        matrix(Settings.gather(given), "cpu")
    assert words in str(caught.value)


def test_a_reference_may_name_its_options_in_any_order() -> None:
    settings = Settings.gather(
        {"strategies": "full,discriminative:head=5e-5:body=1e-5", "reference": "discriminative:head=5e-5:body=1e-5"}
    )
    assert settings.reference in {spec.name for spec in matrix(settings, "cpu")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("freeze:last=1", "freeze:last=01"),
        ("freeze", "freeze:last=0"),
        ("freeze+amp", "amp+freeze"),
        ("full:lr=0.001+./mine.py:Mine", "./mine.py:Mine:lr=0.001+full"),
    ],
)
def test_a_composition_that_is_written_in_two_ways_is_one_row(one: str, other: str) -> None:
    with pytest.raises(UsageError) as caught:
        matrix(Settings.gather({"strategies": f"amp,{one},{other}"}), "cpu")
    assert str(caught.value).startswith(f"--strategies lists {one} and {other}, which is the same; each")


@pytest.mark.parametrize(
    "strategies",
    [
        "full,full:lr=0.001,full:lr=0.0001",
        "freeze,freeze:last=1,freeze:last=1+amp",
        "./mine.py:Mine,./mine.py:Mine:x=1",
    ],
)
def test_compositions_that_differ_are_rows_of_their_own(strategies: str) -> None:
    specs = matrix(Settings.gather({"strategies": strategies, "reference": strategies.partition(",")[0]}), "cpu")
    assert {spec.name for spec in specs} == set(strategies.split(","))


def test_a_run_has_a_micro_batch_that_is_known() -> None:
    with pytest.raises(UsageError, match="--micro-batch-size fit is for compare"):
        matrix(Settings.gather({"micro_batch_size": "fit"}), "cpu")
