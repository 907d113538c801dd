"""What a tie could have missed, and how much more data would tell."""

import pytest

from bench.analysis.comparison import compare
from bench.analysis.strategy_result import make_result
from bench.analysis.words.resolution import beyond_chance


def test_a_tie_says_what_could_have_been_detected(make_record):
    arms = (("full", 1, 0.8), ("amp", 1.0001, 0.8001))
    comparison = compare(
        make_record(name, step=step, accuracy=accuracy, seed=seed, num_rows=900)
        for seed in range(5)
        for name, step, accuracy in arms
    )
    assert comparison.form == "tie"
    assert comparison.winners == ()
    assert comparison.headline == (
        "No difference detected in speed or accuracy between full and amp; this run could have detected 0.9% in speed "
        "and 3.4 points in accuracy (power 80%)."
    )


TOO_FEW = "The data have 3 evaluation rows: to be right in all of them would not show it, which takes about 9."


@pytest.mark.parametrize(
    ("num_rows", "accuracy", "available", "advice"),
    [
        (3, 1.0, 1703, "Evaluate on more rows (--eval-samples 9)."),
        (3, 1.0, 9, "Evaluate on more rows (--eval-samples 9)."),
        (3, 1.0, 3, TOO_FEW),
        (3, 1 / 3, 3, TOO_FEW),
        (256, 0.57, 1703, "Evaluate on more rows (--eval-samples 350)."),
        (256, 0.57, 300, "Train longer (--epochs 2)."),
    ],
)
def test_rows_are_advised_that_there_are_and_more_than_now(make_record, num_rows, accuracy, available, advice):
    record = _with_rows(make_record(num_rows=num_rows, accuracy=accuracy), available)
    assert beyond_chance(make_result("full", (record,), is_reference=True)) == advice


def test_no_rows_are_advised_that_the_data_do_not_have(make_record):
    def told(available):
        arms = (("full", 1, 0.8), ("amp", 1.0001, 0.8001))
        records = [make_record(name, step=step, accuracy=accuracy, num_rows=60) for name, step, accuracy in arms]
        return " ".join(compare([_with_rows(record, available) for record in records]).sentences)

    assert "Detecting 10.0 points in accuracy takes about 320 evaluation rows (--eval-samples 320)" in told(320)
    assert "--eval-samples" not in told(319)


def _with_rows(record, available):
    """The record of data that have so many evaluation rows."""
    data = record.measured.data.model_copy(update={"num_available_eval": available})
    return record.model_copy(update={"measured": record.measured.model_copy(update={"data": data})})
