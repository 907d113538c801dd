"""Who leads a comparison."""

from bench.analysis.claims import make_claims
from bench.analysis.comparison import compare
from bench.analysis.field import Field
from bench.analysis.quality import ACCURACY


def test_some_that_beat_each_other_in_a_circle_have_no_fastest(make_record):
    """Over other seeds, each is faster than the next."""
    steps = {"full": {0: 9, 1: 9, 2: 9}, "a": {0: 1, 1: 3}, "b": {0: 2, 2: 1}, "c": {1: 2, 2: 2}}
    records = [
        make_record(name, seed=seed, step=seconds)
        for name, by_seed in steps.items()
        for seed, seconds in by_seed.items()
    ]
    results = compare(records).results
    claims = make_claims(results, ACCURACY)
    lead = Field(results[0], results[1:], claims).fastest()
    assert lead is not None
    assert not lead.is_clear
