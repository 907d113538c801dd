"""Files of pytest-benchmark: real ones for the format, changed ones for what can go wrong."""

import json
import math
import random
from copy import deepcopy
from datetime import datetime, timedelta

import pytest

from bench.errors import UsageError
from bench.gate.benchmarks import judge_benchmarks
from bench.gate.outputs import render

SUITE = """
import pytest

@pytest.mark.parametrize("size", [10, 20])
def test_sum(benchmark, size):
    benchmark.pedantic(sum, args=(range(size),), rounds=5)
"""
NAMES = ["test_suite.py::test_sum[10]", "test_suite.py::test_sum[20]"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, run_pytest):
    """One real file, of which the tests make the others."""
    directory = tmp_path_factory.mktemp("suite")
    (directory / "test_suite.py").write_text(SUITE)
    run_pytest(directory, "--benchmark-json", "out.json")
    return json.loads((directory / "out.json").read_text())


@pytest.fixture
def make_sides(recorded, tmp_path):
    """Write files of both sides in turns; `change` edits what one holds, given its side and number."""

    def make(number=4, effect=0.0, change=lambda *_: None):
        draw = random.Random(0)
        sides = {"base": [], "head": []}
        start = datetime.fromisoformat(recorded["datetime"])
        for index in range(number):
            for turn, side in enumerate(sides):
                content = deepcopy(recorded)
                content["datetime"] = (start + timedelta(minutes=2 * index + turn)).isoformat()
                for one in content["benchmarks"]:
                    seconds = 0.1 * draw.uniform(0.99, 1.01) * (1 + effect if side == "head" else 1)
                    one["stats"] = {"median": seconds, "mean": seconds * 1.1}
                change(side, index, content)
                path = tmp_path / f"{side}-{index}.json"
                path.write_text(json.dumps(content))
                sides[side].append(path)
        return sides["base"], sides["head"]

    return make


def _verdicts(judgement):
    return {finding.verdict for finding in judgement.findings}


def test_real_files_are_read(recorded):
    assert [one["fullname"] for one in recorded["benchmarks"]] == NAMES


@pytest.mark.parametrize(
    ("effect", "verdict", "code"), [(0.0, "PASS", 0), (0.1, "FAIL", 1), (-0.1, "IMPROVED", 0), (0.035, "WARN", 0)]
)
def test_files_are_judged(make_sides, effect, verdict, code):
    judgement = judge_benchmarks(*make_sides(6, effect))
    assert _verdicts(judgement) == {verdict}
    assert judgement.exit_code(strict=True) == code
    assert [finding.benchmark for finding in judgement.findings] == [name for name in NAMES for _ in range(2)]
    assert {finding.file for finding in judgement.findings} == {"test_suite.py"}
    assert judgement.warnings == ()
    assert len(judgement.findings[0].pairs) == 6


def test_noisy_files_are_inconclusive(make_sides):
    def shake(side, number, content):
        for one in content["benchmarks"]:
            one["stats"]["median"] *= 1.3 if (number + (side == "head")) % 2 else 1

    judgement = judge_benchmarks(*make_sides(4, change=shake))
    assert judgement.verdict == "INCONCLUSIVE"
    assert (judgement.exit_code(), judgement.exit_code(strict=True)) == (0, 3)


def test_margins_are_given_by_metric(make_sides):
    judgement = judge_benchmarks(*make_sides(6, 0.1), {"step_seconds_median": 0.3, "step_seconds_mean": 0.3})
    assert _verdicts(judgement) == {"PASS"}


def _delete(content):
    del content["benchmarks"][0]


def _rename(content):
    content["benchmarks"][0]["fullname"] = "test_suite.py::test_total"


def _nan(content):
    content["benchmarks"][0]["stats"]["median"] = math.nan


def _no_stats(content):
    content["benchmarks"][0]["stats"] = None


def _zero(content):
    content["benchmarks"][0]["stats"]["mean"] = 0.0


def _nothing(content):
    content["benchmarks"] = []


def _other_machine(content):
    content["machine_info"]["cpu"] = {"brand_raw": "Other CPU", "count": 64}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_delete, "has no such benchmark (deleted, renamed, skipped, disabled or failed)"),
        (_rename, "has no such benchmark (deleted"),
        (_nan, "has nan as its median"),
        (_no_stats, "has None as its median"),
        (_zero, "has 0.0 as its mean"),
        (_nothing, "has no such benchmark (the file holds no benchmark)"),
        (_other_machine, "not one machine: processor is "),
    ],
)
@pytest.mark.parametrize("side", ["base", "head"])
def test_what_one_file_lacks_is_never_green(make_sides, change, reason, side):
    def once(which, number, content):
        if (which, number) == (side, 2):
            change(content)

    judgement = judge_benchmarks(*make_sides(4, change=once))
    assert judgement.exit_code() == 4
    reasons = [finding.reason for finding in judgement.findings if finding.verdict == "NOT_MEASURED"]
    assert reason in reasons[0]
    if change is not _other_machine:
        assert reasons[0].startswith(f"{side}: {side}-2.json")
    assert "errors=" in render(judgement, "junit")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ('{"benchmarks": [', "no whole JSON"),
        ("[]", "no whole JSON"),
        ('{"datetime": "2026-01-01T00:00:00", "benchmarks": [{}]}', "no whole JSON"),
    ],
)
def test_a_file_without_a_measurement_is_never_green(make_sides, content, words):
    base, head = make_sides(4)
    head[1].write_text(content)
    judgement = judge_benchmarks(base, head)
    assert _verdicts(judgement) == {"NOT_MEASURED"}
    assert words in judgement.warnings[0]
    assert words in judgement.findings[0].reason


def test_nothing_at_all_is_never_green(make_sides):
    base, head = make_sides(4)
    for path in (*base, *head):
        path.write_text("")
    judgement = judge_benchmarks(base, head)
    assert judgement.findings == ()
    assert (judgement.verdict, judgement.exit_code(), len(judgement.warnings)) == ("NOT_MEASURED", 4, 8)


def test_one_file_per_side_judges_nothing(make_sides):
    judgement = judge_benchmarks(*make_sides(1))
    assert _verdicts(judgement) == {"NOT_MEASURED"}
    assert "one file per side is one process" in judgement.findings[0].reason
    assert judgement.warnings == ()


def test_one_side_after_the_other_is_warned_of(make_sides):
    def later(side, _, content):
        recorded = datetime.fromisoformat(content["datetime"])
        content["datetime"] = (recorded + timedelta(days=side == "head")).isoformat()

    (warning,) = judge_benchmarks(*make_sides(4, change=later)).warnings
    assert warning.endswith("Record base and head in turns.")


def test_files_are_paired_in_the_order_of_recording(make_sides):
    def drift(_, number, content):
        for one in content["benchmarks"]:
            one["stats"] = {name: seconds * 2**number for name, seconds in one["stats"].items()}

    base, head = make_sides(4, change=drift)
    assert _verdicts(judge_benchmarks(base[::-1], head)) == {"PASS"}


def test_memory_is_judged_where_every_file_has_it(make_sides):
    def leak(side, _, content):
        content["benchmarks"][0]["extra_info"] = {"peak_memory_bytes": (500 + 32 * (side == "head")) * 2**20}

    def forget(side, number, content):
        leak(side, number, content)
        if (side, number) == ("head", 1):
            content["benchmarks"][0]["extra_info"] = {"peak_memory_bytes": None}

    judgement = judge_benchmarks(*make_sides(4, change=leak))
    assert [finding.verdict for finding in judgement.findings] == ["PASS", "PASS", "FAIL", "PASS", "PASS"]
    assert judgement.exit_code() == 1
    gone = judge_benchmarks(*make_sides(4, change=forget))
    assert [finding.verdict for finding in gone.findings][2] == "NOT_MEASURED"


def test_sides_are_named_with_their_commit(make_sides):
    def commit(side, number, content):
        content["commit_info"] = {"id": side if side == "base" else f"{side}{number}"}

    judgement = judge_benchmarks(*make_sides(5, change=commit))
    assert judgement.base.name == "base-0.json, base-1.json and 3 others"
    assert (judgement.base.commit, judgement.head.commit) == ("base", None)
    assert judgement.base.fingerprint["system"]


def test_the_request_must_make_sense(make_sides, tmp_path):
    base, head = make_sides(4)
    with pytest.raises(UsageError, match="4 files of base and 3 of head"):
        judge_benchmarks(base, head[:3])
    with pytest.raises(UsageError, match="0 files of base"):
        judge_benchmarks([], [])
    with pytest.raises(UsageError, match=r"absent\.json: No such file"):
        judge_benchmarks(base[:1], [tmp_path / "absent.json"])
    with pytest.raises(UsageError, match="are the same measurement"):
        judge_benchmarks(base, base)
