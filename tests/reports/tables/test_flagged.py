"""Doubts about runs, each said once."""

from bench.analysis.comparison import compare
from bench.records.flags import FLAGS
from bench.records.record import Flag
from reports.tables.cells import remark
from reports.tables.flagged import flagged, own_flags


def test_a_flag_of_several_runs_is_named_once_with_their_number(make_record):
    flags = [(Flag(code="chance-accuracy", message=f"{share}% on 256 rows"),) for share in (50, 52)]
    runs = [make_record("full", seed=seed, flags=found) for seed, found in enumerate([*flags, ()])]
    comparison = compare(runs)
    (one,) = flagged(comparison)
    assert (one.code, one.who, one.found) == ("chance-accuracy", "full (2 of 3 runs)", "50% on 256 rows")
    assert own_flags(comparison.results[0], comparison) == ("chance-accuracy (2 of 3 runs)",)
    alone = compare(runs[:1])
    assert own_flags(alone.results[0], alone) == ("chance-accuracy",)


def test_a_flag_is_explained(make_record):
    flag = Flag(code="throttled", message="power limit for 12% of the run.")
    records = [make_record("full"), make_record("amp", flags=(flag,))]
    (one,) = flagged(compare(records))
    assert (one.found, one.meaning) == ("power limit for 12% of the run", FLAGS["throttled"].meaning)
    assert _remark(records, 1) == "suspect"


def _remark(records, place):
    comparison = compare(records)
    return remark(comparison.results[place], comparison)
