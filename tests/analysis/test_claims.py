from bench.analysis.claims import claimed
from bench.analysis.comparison import compare
from bench.analysis.intervals import Evidence, Interval
from bench.analysis.quality import MEMORY, QUALITIES


def _interval(low, high, p_value):
    return Interval((low + high) / 2, low, high, "t", Evidence(p_value, 0.1, 2))


def test_a_difference_is_claimed_by_the_corrected_test_and_the_interval_together():
    clear, narrow, none = _interval(1.2, 1.4, 0.001), _interval(1.01, 1.4, 0.04), _interval(0.9, 1.2, 0.5)
    assert claimed([clear, narrow, none], 1.0) == (1, 0, 0)
    assert claimed([narrow], 1.0) == (1,)
    assert claimed([_interval(0.99, 1.4, 0.001)], 1.0) == (0,), "the interval holds no change"


def _at(make_record, steps, **more):
    return [
        make_record(name, seed=seed, step=seconds[seed], **more) for seed in range(3) for name, seconds in steps.items()
    ]


INTRANSITIVE = {"full": (1, 1, 1), "bitfit": (0.6, 0.2, 0.44), "gradual": (0.34, 0.345, 0.35)}
"""gradual is told from full; bitfit, as fast but less steady, from neither."""


def test_nobody_is_the_fastest_who_is_tied_with_another(make_record):
    comparison = compare(_at(make_record, INTRANSITIVE))
    letters = comparison.ranking.letters["samples_per_second"]
    assert set(letters["gradual"]) & set(letters["bitfit"])
    assert not set(letters["gradual"]) & set(letters["full"])
    assert (comparison.form, comparison.winners) == ("leading", ())
    assert comparison.headline.startswith("gradual is faster than full without a detected loss of accuracy: 2.8")
    assert comparison.headline.endswith("It is not told apart in speed from bitfit.")


def test_a_difference_that_is_not_certain_is_worded_as_what_it_is(make_record):
    steps = {"full": (1, 1, 1), "amp": (0.78, 0.7, 0.63), "a": (1, 1.2, 0.9), "b": (0.9, 1.1, 1.2)}
    comparison = compare(_at(make_record, steps, memory=2 << 30))
    claim = comparison.ranking.claims.about("samples_per_second", "amp", "full")
    assert (claim.tentative, claim.standing, claim.num_comparisons) == (1, 0, 6)
    assert claim.turned.tentative == -1
    assert comparison.form == "undecided"
    assert comparison.headline.startswith("Not enough data: amp looks faster than full (1.4")
    assert "; not certain after correcting for 6 comparisons). No difference detected" in comparison.headline
    (said,) = [text for text in comparison.sentences if text.startswith("amp looks faster")]
    assert "tied with full in speed" not in said


def test_memory_that_differs_stands_in_the_headline_where_speed_and_quality_are_open(make_record):
    records = [
        make_record(name, seed=seed, step=step, memory=memory + seed)
        for seed, steps in enumerate([(1, 0.7), (1, 1.3), (1, 0.9)])
        for name, step, memory in zip(("full", "freeze"), steps, (2 << 30, 1 << 30), strict=True)
    ]
    assert "freeze uses less memory than full (0.50" in compare(records).headline


def test_claims_are_made_of_the_metrics_that_decide(make_record):
    records = [make_record(name, seed=seed, step=step) for seed in range(3) for name, step in (("full", 1), ("a", 0.5))]
    comparison = compare(records, quality=QUALITIES["macro_f1"])
    assert tuple(comparison.ranking.letters) == ("samples_per_second", MEMORY, "macro_f1")
    assert "without a detected loss of macro F1" in comparison.headline
    assert "macro F1 tied" in comparison.headline
