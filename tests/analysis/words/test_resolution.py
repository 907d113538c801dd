"""What a tie could have missed."""

from bench.analysis.comparison import compare


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
