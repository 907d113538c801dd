"""What can be wrong with the benchmarks of head, in real runs of pytest-benchmark: its verdict and its exit code."""

import json
import sys
from datetime import datetime, timedelta

import pytest
from junitparser import JUnitXml

from bench.__main__ import main
from bench.gate.outputs import read_json

KEPT = """
def test_kept(benchmark):
    benchmark.pedantic(sum, args=(range(10),), rounds=3)
"""
OTHER = """
def test_other(benchmark):
    benchmark.pedantic(sum, args=(range(20),), rounds=3)
"""
SKIPPED = '\nimport pytest\n\n@pytest.mark.skip(reason="slow")' + OTHER
FAILED = OTHER.replace("sum,", "lambda _: 1 / 0,")
CRASHED = OTHER.replace("sum,", "lambda _: __import__('os')._exit(1),")
NAN = """
def pytest_benchmark_update_json(output_json):
    for one in output_json["benchmarks"]:
        one["stats"]["median"] = float("nan")
"""
NONE = "deleted, renamed, skipped, disabled or failed"


@pytest.fixture(scope="module")
def record(tmp_path_factory, run_pytest):
    """Run a suite under pytest-benchmark; give the file that it leaves, None where it leaves none."""
    known = {}

    def run(suite, *options, conftest=""):
        if (suite, options, conftest) not in known:
            directory = tmp_path_factory.mktemp("suite")
            (directory / "test_suite.py").write_text(suite)
            (directory / "conftest.py").write_text(conftest)
            run_pytest(directory, "--benchmark-json", "out.json", *options)
            left = directory / "out.json"
            known[suite, options, conftest] = left.read_bytes() if left.exists() else None
        return known[suite, options, conftest]

    return run


@pytest.fixture
def gate(record, tmp_path, monkeypatch):
    """Judge four files of head against four of a sound base; give the exit code and gate.json."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def call(head, *options):
        names = {"base": [], "head": []}
        for number in range(4):
            for turn, (side, recorded) in enumerate((("base", record(KEPT + OTHER)), ("head", head))):
                names[side].append(tmp_path / f"{side}-{number}.json")
                if recorded is not None:
                    names[side][-1].write_bytes(_again(recorded, 2 * number + turn))
        out = tmp_path / "out"
        words = ["gate", "--base", *names["base"], "--head", *names["head"], "--out", out, *options]
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        code = main()
        return code, read_json((out / "gate.json").read_bytes()) if code != 2 else None

    return call


def _again(recorded, minutes):
    """Write what a later process would have measured: steps as long, but for a little noise."""
    if not recorded:
        return recorded
    content = json.loads(recorded)
    content["datetime"] = (datetime.fromisoformat(content["datetime"]) + timedelta(minutes=minutes)).isoformat()
    for one in content["benchmarks"]:
        seconds = 0.1 + minutes * 1e-5
        one["stats"] = {name: value if value != value else seconds for name, value in one["stats"].items()}  # noqa: PLR0124
    return json.dumps(content).encode()


def test_a_sound_head_passes(gate, record):
    code, judgement = gate(record(KEPT + OTHER))
    assert (code, judgement.verdict, len(judgement.findings)) == (0, "PASS", 6)


@pytest.mark.parametrize(
    ("head", "unmeasured", "why"),
    [
        ((KEPT, ""), {"test_other"}, NONE),
        ((KEPT + OTHER.replace("other", "renamed"), ""), {"test_other"}, NONE),
        ((KEPT + SKIPPED, ""), {"test_other"}, NONE),
        ((KEPT + FAILED, ""), {"test_other"}, NONE),
        ((KEPT + OTHER, NAN), {"test_kept", "test_other"}, "has nan as its median"),
    ],
    ids=["deleted", "renamed", "skipped", "failed", "nan"],
)
def test_what_head_did_not_measure_is_never_green(gate, record, head, unmeasured, why):
    for options in ((), ("--strict",)):
        code, judgement = gate(record(head[0], conftest=head[1]), *options)
        assert (code, judgement.verdict) == (4, "NOT_MEASURED")
        bad = [finding for finding in judgement.findings if finding.verdict == "NOT_MEASURED"]
        assert {finding.benchmark.partition("::")[2] for finding in bad} == unmeasured
        assert all(why in finding.reason for finding in bad if finding.benchmark.endswith("other"))
        assert {finding.verdict for finding in judgement.findings if finding not in bad} <= {"PASS", "NEW"}


@pytest.mark.parametrize(
    ("suite", "options"),
    [
        (KEPT + CRASHED, ()),
        ("1 / 0", ()),
        (KEPT, ("--benchmark-disable",)),
        (KEPT, ("-n1",)),
        (KEPT, ("-k", "absent")),
    ],
    ids=["crashed", "broken", "disabled", "distributed", "empty"],
)
def test_a_run_that_leaves_no_file_is_refused_and_an_empty_file_is_not_measured(gate, record, capsys, suite, options):
    assert record(suite, *options) is None
    assert gate(None)[0] == 2
    assert "which writes none where no benchmark ran: disabled, crashed" in capsys.readouterr().err
    code, judgement = gate(b"")
    assert (code, judgement.verdict) == (4, "NOT_MEASURED")
    assert "the file is empty" in judgement.findings[0].reason


@pytest.mark.parametrize("suite", [KEPT + OTHER, KEPT])
@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_junit_and_exit_code_agree(gate, record, tmp_path, suite, options):
    code, judgement = gate(record(suite), *options)
    junit = JUnitXml.fromstring((tmp_path / "out" / "gate.junit.xml").read_bytes())
    assert bool(junit.errors + junit.failures) == bool(code)
    assert junit.tests == len(judgement.findings)
