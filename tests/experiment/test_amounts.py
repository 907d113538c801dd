import pytest

from bench.errors import UnknownName, UsageError
from bench.experiment.amounts import amount


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("16GiB", "bytes", 16 * 2**30),
        (" 16 GiB ", "bytes", 16 * 2**30),
        ("1.5e3 MB", "bytes", 1.5e9),
        ("2h", "s", 7200),
        ("90 min", "s", 5400),
        ("2 h 05 min", "s", 7500),
        ("1d12h", "s", 129600),
        ("1e2 ms", "s", 0.1),
        ("0.85", "share", 0.85),
        ("85 %", "share", 0.85),
        ("3 samples/s", "samples/s", 3),
    ],
)
def test_amounts_are_read_in_the_unit_asked_for(written, unit, value):
    assert amount(written, unit, "--x") == pytest.approx(value)


@pytest.mark.parametrize(
    ("written", "unit", "error", "words"),
    [
        ("16", "bytes", UsageError, "--x: 16 of what\\? Give a unit: B, KiB"),
        ("16 Gib", "bytes", UnknownName, "Did you mean GiB\\? .*In --x"),
        ("-1 GiB", "bytes", UsageError, "--x: '-1 GiB' is no number with a unit"),
        ("much", "s", UsageError, "is no number"),
        ("1 h 30 sec", "s", UnknownName, "unit 'sec'"),
        ("1e400 s", "s", UsageError, "more than anything can be"),
        ("1e1" * 40, "s", UnknownName, "unit"),
    ],
)
def test_other_texts_are_refused_with_the_place_and_the_way_out(written, unit, error, words):
    with pytest.raises(error, match=words):
        amount(written, unit, "--x")
