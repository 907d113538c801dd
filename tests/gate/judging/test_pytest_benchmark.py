"""Files of pytest-benchmark: real ones for the format, changed ones for what can go wrong."""

import json
import math
import random
from copy import deepcopy
from datetime import datetime, timedelta, timezone

import pytest

from bench.errors import UsageError
from bench.gate.judging.judgement import FILE_METRICS
from bench.gate.judging.margins import Margins
from bench.gate.judging.pytest_benchmark import judge_benchmarks
from bench.gate.judging.suite_findings import HOW_TO_MEASURE, SUITE
from bench.gate.outputs import render

SOURCE = """
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
    (directory / "test_suite.py").write_text(SOURCE)
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


@pytest.mark.parametrize(("effect", "verdict", "code"), [(0.0, "PASS", 0), (0.1, "FAIL", 1), (-0.1, "IMPROVED", 0)])
def test_files_are_judged(make_sides, effect, verdict, code):
    judgement = judge_benchmarks(*make_sides(6, effect))
    assert _verdicts(judgement) == {verdict}
    assert judgement.exit_code(strict=True) == code
    assert [finding.benchmark for finding in judgement.findings] == [name for name in (*NAMES, SUITE) for _ in range(2)]
    assert [finding.file for finding in judgement.findings] == ["test_suite.py"] * 4 + [None] * 2
    assert judgement.warnings == ()
    assert len(judgement.findings[0].pairs) == 6


def test_noisy_files_are_inconclusive(make_sides):
    def shake(side, number, content):
        for one in content["benchmarks"]:
            one["stats"]["median"] *= 1.3 if (number + (side == "head")) % 2 else 1

    judgement = judge_benchmarks(*make_sides(4, change=shake))
    assert judgement.verdict == "INCONCLUSIVE"
    assert (judgement.exit_code(), judgement.exit_code(strict=True)) == (0, 3)


def test_a_margin_is_given(make_sides):
    judgement = judge_benchmarks(*make_sides(6, 0.1), Margins(0.3))
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
        (_delete, "has no such benchmark (deleted, renamed, skipped, disabled or failed"),
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

    assert judge_benchmarks(*make_sides(4, change=later)).warnings == (HOW_TO_MEASURE,)


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
    assert [finding.verdict for finding in judgement.findings] == ["PASS", "PASS", "FAIL", *["PASS"] * 4]
    assert judgement.exit_code() == 1
    gone = judge_benchmarks(*make_sides(4, change=forget))
    assert [finding.verdict for finding in gone.findings][2] == "NOT_MEASURED"


def test_sides_of_unlike_numbers_are_judged_where_they_took_turns(make_sides):
    base, head = make_sides(6, 0.1)
    judgement = judge_benchmarks(base, head[:4])
    assert _verdicts(judgement) == {"FAIL"}
    assert {finding.num_pairs for finding in judgement.findings} == {4}


def test_what_was_not_measured_in_turns_is_a_warning_at_most(make_sides):
    def later(side, _, content):
        recorded = datetime.fromisoformat(content["datetime"])
        content["datetime"] = (recorded + timedelta(days=side == "head")).isoformat()

    judgement = judge_benchmarks(*make_sides(4, 0.5, later))
    assert judgement.counts == {"WARN": 5, "INCONCLUSIVE": 1}
    assert (judgement.exit_code(), judgement.exit_code(strict=True)) == (0, 3)
    assert "bench gate --run" in judgement.warnings[0]
    assert all("not measured in turns" in finding.reason for finding in judgement.findings)


def test_zones_are_minded(make_sides):
    """The files of head were written by a machine whose clock is in another zone."""

    def elsewhere(side, _, content):
        recorded = datetime.fromisoformat(content["datetime"])
        zone = timezone(timedelta(hours=5) if side == "head" else timedelta(0))
        content["datetime"] = recorded.astimezone(zone).isoformat()

    assert judge_benchmarks(*make_sides(4, change=elsewhere)).warnings == ()


def _many(effects, sd=0.002, seed=0):
    """Give a change that makes so many benchmarks of it, each with its own effect."""
    draw = random.Random(seed)

    def change(side, _, content):
        (one, *_) = content["benchmarks"]
        content["benchmarks"] = []
        for index, effect in enumerate(effects):
            seconds = 0.1 * math.exp(draw.gauss(0, sd)) * (1 + effect * (side == "head"))
            stats = {"median": seconds, "mean": seconds}
            content["benchmarks"].append(one | {"fullname": f"test_x.py::test_{index}", "stats": stats})

    return change


def test_five_warnings_are_shown_and_the_others_counted(make_sides):
    judgement = judge_benchmarks(*make_sides(6, change=_many([0.04, 0.036] * 6 + [0.0] * 20)))
    warned = [finding for finding in judgement.findings if finding.verdict == "WARN"]
    assert len(warned) == 5
    assert min(finding.change for finding in warned) > 0.035
    assert judgement.verdict == "WARN"
    (said,) = judgement.warnings
    assert said.startswith("19 more measurements look slower")


def test_what_is_out_of_turn_shows_five_warnings_too(make_sides):
    def later(side, number, content):
        _many([0.5] * 20)(side, number, content)
        recorded = datetime.fromisoformat(content["datetime"])
        content["datetime"] = (recorded + timedelta(days=side == "head")).isoformat()

    judgement = judge_benchmarks(*make_sides(4, change=later))
    assert judgement.counts == {"INCONCLUSIVE": 37, "WARN": 5}
    assert judgement.warnings[1].startswith("37 more measurements look slower")


def test_a_warning_says_so(make_sides):
    judgement = judge_benchmarks(*make_sides(6, 0.035))
    assert (judgement.verdict, judgement.counts, judgement.exit_code(strict=True)) == (
        "WARN",
        {"WARN": 5, "PASS": 1},
        0,
    )
    warned = [finding for finding in judgement.findings if finding.verdict == "WARN"]
    assert all("probably slower, by less than the margin of 5.0%" in finding.reason for finding in warned)


def test_noise_alone_warns_of_nothing(make_sides):
    for seed in range(5):
        judgement = judge_benchmarks(*make_sides(6, change=_many([0.0] * 100, 0.03, seed)))
        assert _verdicts(judgement) <= {"PASS", "INCONCLUSIVE"}


def test_what_is_new_is_named_and_what_is_gone_may_be_allowed(make_sides):
    def turn_over(side, _, content):
        content["benchmarks"] = content["benchmarks"][side == "head" :][:1]

    sides = make_sides(4, change=turn_over)
    judgement = judge_benchmarks(*sides)
    gone, new = judgement.findings[:2], judgement.findings[2]
    assert ([one.verdict for one in gone], new.verdict) == (["NOT_MEASURED"] * 2, "NEW")
    assert (gone[0].benchmark, new.benchmark) == tuple(NAMES)
    assert f"--allow-missing '{NAMES[0]}'" in gone[0].reason
    assert judgement.exit_code() == 4
    for allowed in (NAMES[0], "test_suite.py::*[1?]", "*"):
        judgement = judge_benchmarks(*sides, Margins(allow_missing=(allowed,)))
        assert [finding.verdict for finding in judgement.findings] == ["REMOVED", "NEW"]
        assert judgement.exit_code(strict=True) == 0
    assert judge_benchmarks(*sides, Margins(allow_missing=("test_suite.py::test_sum",))).exit_code() == 4


def test_what_some_files_of_a_side_lack_is_neither_new_nor_gone(make_sides):
    def flaky(side, number, content):
        if (side, number) in {("base", 1), ("base", 2)}:
            del content["benchmarks"][0]
        if (side, number) == ("head", 3):
            del content["benchmarks"][1]

    judgement = judge_benchmarks(*make_sides(4, change=flaky), Margins(allow_missing=("*",)))
    assert {finding.verdict for finding in judgement.findings} == {"NOT_MEASURED"}


def test_a_margin_may_be_of_some_benchmarks(make_sides):
    sides = make_sides(6, 0.1)
    wide = {"test_suite.py::test_sum[1?]": {"median_seconds": 0.3}, "*": {"mean_seconds": 0.3}}
    judgement = judge_benchmarks(*sides, Margins(benchmarks=wide))
    found = {(finding.benchmark, finding.metric): finding.verdict for finding in judgement.findings}
    assert [found[name, metric] for name in NAMES for metric in FILE_METRICS] == ["PASS", "PASS", "FAIL", "PASS"]
    assert "the margin of 30.0%" in judgement.findings[0].reason


@pytest.mark.parametrize(
    ("peaks", "verdict"), [((1e8, 1.5e8), "FAIL"), ((10**8, 15 * 10**7), "FAIL"), ((1e8, 1e8), "PASS")]
)
def test_memory_may_be_a_whole_number_or_not(make_sides, peaks, verdict):
    def use(side, _, content):
        for one in content["benchmarks"]:
            one["extra_info"] = {"peak_memory_bytes": peaks[side == "head"]}

    judgement = judge_benchmarks(*make_sides(4, change=use))
    assert {one.verdict for one in judgement.findings if one.metric == "peak_memory_bytes"} == {verdict}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("training_memory_bytes",) * 2, ""),
        (
            ("peak_memory_bytes", "training_memory_bytes"),
            "some files have peak_memory_bytes in extra_info and others training_memory_bytes, which are unlike",
        ),
    ],
)
def test_peaks_of_one_definition_are_compared_with_no_other(make_sides, names, reason):
    def use(side, _, content):
        for one in content["benchmarks"]:
            one["extra_info"] = {names[side == "head"]: 1e8}

    judgement = judge_benchmarks(*make_sides(4, change=use))
    found = [one for one in judgement.findings if one.metric in {"peak_memory_bytes", "training_memory_bytes"}]
    assert {one.metric for one in found} == {"peak_memory_bytes" if reason else "training_memory_bytes"}
    assert {one.verdict for one in found} == {"NOT_MEASURED" if reason else "PASS"}
    assert all(reason in one.reason for one in found)


def test_unsteady_memory_of_many_benchmarks_is_not_red_by_chance(make_sides):
    """Of 200, some have all peaks of head above all of base although nothing changed."""
    draw = random.Random(0)
    apart = 0
    change = _many([0.0] * 200)

    def use(side, number, content):
        change(side, number, content)
        for one in content["benchmarks"]:
            one["extra_info"] = {"peak_memory_bytes": 4e8 * math.exp(draw.gauss(0, 0.1))}

    judgement = judge_benchmarks(*make_sides(4, change=use))
    found = [finding for finding in judgement.findings if finding.metric == "peak_memory_bytes"]
    apart = [finding for finding in found if finding.low > 0 and finding.change > 0.02]
    assert apart
    assert {finding.verdict for finding in apart} == {"INCONCLUSIVE"}
    assert "corrected for 600 comparisons" in apart[0].reason


def test_sides_are_named_with_their_commit(make_sides):
    def commit(side, number, content):
        content["commit_info"] = {"id": side if side == "base" else f"{side}{number}"}

    judgement = judge_benchmarks(*make_sides(5, change=commit))
    assert judgement.base.name == "base-0.json, base-1.json and 3 others"
    assert (judgement.base.commit, judgement.head.commit) == ("base", None)
    assert judgement.base.fingerprint["system"]


def test_the_request_must_make_sense(make_sides, tmp_path):
    base, head = make_sides(4)
    with pytest.raises(UsageError, match="2 files of base and 3 of head, not in turns"):
        judge_benchmarks(base[:2], head[1:])
    with pytest.raises(UsageError, match="0 files of base"):
        judge_benchmarks([], [])
    with pytest.raises(UsageError, match=r"absent\.json: No such file"):
        judge_benchmarks(base[:1], [tmp_path / "absent.json"])
    with pytest.raises(UsageError, match="are the same measurement"):
        judge_benchmarks(base, base)
