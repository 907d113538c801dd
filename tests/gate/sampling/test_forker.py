import re
from pathlib import Path

from bench.gate.sampling import forker, server


def test_what_runs_in_a_side_knows_nothing_of_the_bench_that_judges():
    assert not re.search(r"^\s*(from|import) bench", Path(forker.__file__).read_text(), re.MULTILINE)
    assert server.VERSIONS["forker"] == forker.VERSION
