from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.campaign.repeat import Repeated, find_run
from bench.errors import UsageError
from bench.records.file_names import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

    MakeRecord = Callable[..., RunRecord]


def test_a_run_is_found_by_its_file_or_its_strategy(make_record: MakeRecord) -> None:
    records = [make_record(name, seed=seed) for name in ("full", "freeze") for seed in (1, 0)]
    first, second, third, _ = records
    assert find_run(records, "full") is second
    assert find_run(records, "full", 1) is first
    for written in (file_name(third.spec), f"results/runs/{file_name(third.spec)}", file_name(third.spec)[:-5]):
        assert find_run(records, written) is third
    with pytest.raises(UsageError, match=r"no run of full with seed 7; its seeds: 0, 1"):
        find_run(records, "full", 7)
    with pytest.raises(UsageError, match=r"no run 'freez'. Did you mean freeze\? Strategies: full, freeze"):
        find_run(records, "freez")


def test_what_differs_is_told_and_where_the_runs_were_not_alike(make_record: MakeRecord) -> None:
    before = make_record("full")
    measured, environment = before.measured, before.environment
    assert measured is not None
    assert environment is not None
    same = Repeated(before, before)
    assert same.is_same
    assert list(same.sentences()) == [
        "full, seed 0: reproduced; 32 losses and 256 predictions are the same to the last bit"
    ]
    losses = (*measured.losses[:4], measured.losses[4] * (1 + 1e-7), *measured.losses[5:])
    predictions = measured.evaluation.predictions
    assert predictions is not None
    first = "0" if predictions[0] == "1" else "1"
    evaluation = measured.evaluation.model_copy(update={"predictions": first + predictions[1:]})
    now = before.model_copy(
        update={
            "measured": measured.model_copy(
                update={"losses": losses, "evaluation": evaluation, "data_digest": "0" * 64}
            ),
            "environment": environment.model_copy(update={"versions": {**environment.versions, "torch": "2.14.0"}}),
        }
    )
    other = Repeated(before, now)
    assert not other.is_same
    said = list(other.sentences())
    assert said[0] == "full, seed 0: not reproduced"
    assert said[1].startswith("losses part at step 5 of 32: ")
    assert said[2:] == [
        "1 of 256 rows are predicted otherwise",
        "torch: 2.13.0 before, 2.14.0 now",
        "data: not what it was",
    ]


def test_an_ending_that_comes_again_is_reproduced_too(make_record: MakeRecord) -> None:
    diverged = make_record("full", status="diverged", reason="the loss is nan at step 3")
    assert Repeated(diverged, diverged).is_same
    ended = Repeated(diverged, make_record("full"))
    assert not ended.is_same
    assert next(ended.sentences()) == "full, seed 0: ended diverged (the loss is nan at step 3), and now ok"
