"""What nobody should write, and somebody will: hostile names, wrong types and absurd numbers, in every file that the gate reads."""

import json
import re
import tomllib
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from rich.console import Console

from bench.errors import UsageError
from bench.gate.judging.baseline import read_baseline
from bench.gate.judging.grammar import read_rules
from bench.gate.judging.margins import Margins, read_margins
from bench.gate.judging.pytest_benchmark import judge_benchmarks
from bench.gate.outputs import FORMATS, announce, read_json, render, show
from bench.inert import inert, shown
from reports.pages.gate_page import render_gate

HOSTILE = [
    "a.py::x\n::error::pwned",
    "::error::pwned",
    " \t::set-output name=x::y",
    "a.py::x\r::error::pwned",
    "a.py::x\x1b[31mred",
    "a.py::x\x9b31mred",
    "a.py::\u202egnp.x",
    "a.py::\u2066x\u2069",
    "a.py::x\ud800",
    "a.py::x\u2028::error::pwned\u2029",
    "a.py::x\x85::error::y",
    "a.py::##[error]x",
    "a.py::x##vso[task.setvariable]y",
    "a.py::\x00\x07\x7f\ufeff\ufffe",
]
_OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]|##\w*\[")
"""What a log or a terminal would obey; the ends of lines are looked at apart."""
_COMMAND = re.compile(r"(?m)^\s*::")


def _one(name="a.py::x", **stats):
    return {"fullname": name, "stats": {"median": 0.1, "mean": 0.11} | stats, "extra_info": {"peak_memory_bytes": 1e8}}


def _document(*benchmarks, number=0):
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    machine = {"system": "Linux", "machine": "x86_64", "cpu": {"brand_raw": "CPU", "count": 2}}
    return {
        "datetime": when.isoformat(),
        "machine_info": machine,
        "commit_info": {"id": "abc"},
        "benchmarks": list(benchmarks) or [_one()],
    }


def _write(folder, document, number, side):
    path = folder / f"{side}-{number}.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def _sides(folder, make):
    """Write four files a side; `make` gives the document of a number."""
    return tuple(
        [_write(folder, make(2 * n + s), n, side) for n in range(4)] for s, side in enumerate(("base", "head"))
    )


def _texts(judgement, *, page=False):
    """Everything that the gate writes of a judgement; drawing the page takes a second."""
    terminal = StringIO()
    show(judgement, Console(file=terminal, width=80))
    yield "stdout", terminal.getvalue()
    for name in FORMATS:
        yield name, render(judgement, name)
    yield "stderr", announce(judgement, {"GITHUB_ACTIONS": "true"})
    if page:
        yield "page", render_gate(judgement)


def _check_inert(judgement, *, page=False):
    for where, text in _texts(judgement, page=page):
        text.encode()  # no half of a character
        assert not _OBEYED.search(text.replace("\n", "")), where
        if where == "stdout":
            assert not _COMMAND.search(text), where
        if where in {"stderr", "annotations"}:
            assert all(re.match(r"::(error|warning|notice) ", line) for line in text.splitlines())
    JUnitXml.fromstring(render(judgement, "junit").encode())
    assert read_json(render(judgement, "json")) == judgement


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_inert_line_everywhere(tmp_path, name):
    def make(number):
        gone = [_one(name + "gone")] if number % 2 == 0 else [_one(name + "new")]
        slower = [_one(name, median=0.2 if number % 2 else 0.1)]
        return _document(*slower, *gone, _one("a.py::nan" + name, median=float("nan")), number=number)

    judgement = judge_benchmarks(*_sides(tmp_path, make))
    assert {finding.verdict for finding in judgement.findings} >= {"FAIL", "NEW", "NOT_MEASURED"}
    _check_inert(judgement)


def test_hostile_machines_commits_and_file_names_are_inert(tmp_path):
    def make(number):
        document = _document(number=number)
        document["machine_info"]["cpu"]["brand_raw"] = "CPU\n::error::x\x1b[2J"
        document["commit_info"]["id"] = "abc\n::error::x"
        return document

    base, head = _sides(tmp_path, make)
    odd = [path.rename(path.with_name(f"{path.stem}\n::error::\x1b[31m.json")) for path in head]
    judgement = judge_benchmarks(base, odd)
    assert judgement.verdict == "PASS"
    _check_inert(judgement, page=True)


@given(st.text(max_size=40))
def test_any_text_becomes_one_inert_line(text):
    line = inert(text)
    assert not _OBEYED.search(line)
    assert not _COMMAND.search(line)
    assert len(line.splitlines()) <= 1
    assert inert(line) == line
    line.encode()


def test_ordinary_names_are_left_as_they_are():
    for name in ("tests/test_a.py::test_b[1-x y]", "größe::µ", "ab\N{ZERO WIDTH NON-JOINER}cd", "# 1 [x]", "日本語"):
        assert inert(name) == name


def test_a_refused_value_is_shown_briefly():
    assert shown("x") == "'x'"
    assert len(shown("x" * 10_000)) < 80
    assert shown(10**5000) == "a int"


WRONG = (
    *(
        None,
        True,
        "x",
        "",
        -1,
        0,
        1.5,
        float("nan"),
        float("inf"),
        int("9" * 400),
        10**30,
        1e-320,
        [],
        [[]],
        {},
        {"x": 1},
    ),
    "\ud800",
)
PLACES = [
    ("datetime",),
    ("machine_info",),
    ("machine_info", "cpu"),
    ("machine_info", "cpu", "brand_raw"),
    ("machine_info", "cpu", "count"),
    ("machine_info", "machine"),
    ("machine_info", "bench"),
    ("commit_info",),
    ("commit_info", "id"),
    ("benchmarks",),
    ("benchmarks", 0),
    ("benchmarks", 0, "fullname"),
    ("benchmarks", 0, "stats"),
    ("benchmarks", 0, "stats", "median"),
    ("benchmarks", 0, "stats", "mean"),
    ("benchmarks", 0, "extra_info"),
    ("benchmarks", 0, "extra_info", "peak_memory_bytes"),
]


def _changed(document, place, value):
    changed = deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_whatever_stands_in_a_file_is_judged_or_named(tmp_path, place):
    """In one file: what is wrong is one line that names the file and the field, and is never red or a traceback."""
    for value in WRONG:
        base, head = _sides(tmp_path, lambda number: _document(_one(), _one("a.py::y"), number=number))
        _write(tmp_path, _changed(_document(_one(), _one("a.py::y"), number=5), place, value), 2, "head")
        judgement = judge_benchmarks(base, head)
        _check_inert(judgement)
        assert judgement.exit_code() in {0, 4}
        said = [*judgement.warnings, *(f.reason for f in judgement.findings if f.verdict == "NOT_MEASURED")]
        if judgement.exit_code() == 4 and "fullname" not in place and place != ("benchmarks",):
            named = (
                ("not one machine", "has no such benchmark") if place[-1] == 0 else ("not one machine", str(place[-1]))
            )
            assert any(word in one for one in said for word in named), (value, said)
        if "fullname" not in place:
            words = ("head-2.json", "not every file", "extra_info", "not one machine")
            assert all(any(word in one for word in words) for one in said), said


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        '{"a":' * 100_000,
        "9" * 5000,
        "\xff",
        "null",
        '"x"',
        "{}",
        "NaN",
        '{"datetime": 1}',
        '{"benchmarks": [' * 3000,
    ],
    ids=lambda content: content[:12],
)
def test_what_is_no_json_of_pytest_benchmark_is_named(tmp_path, content):
    base, head = _sides(tmp_path, lambda number: _document(number=number))
    head[1].write_bytes(content.encode("latin-1"))
    judgement = judge_benchmarks(base, head)
    assert judgement.exit_code() == 4
    assert judgement.warnings[0].startswith("head-1.json: the file is no whole JSON of pytest-benchmark")
    _check_inert(judgement)


def test_a_benchmark_that_stands_there_twice_is_not_measured(tmp_path):
    base, head = _sides(tmp_path, lambda number: _document(_one(), _one(median=9), number=number))
    judgement = judge_benchmarks(base, head)
    assert judgement.exit_code() == 4
    assert "twice" in judgement.findings[0].reason


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(PLACES), JSONS, st.integers(0, 7))
def test_any_json_anywhere_is_judged_or_named(tmp_path_factory, place, value, which):
    folder = tmp_path_factory.mktemp("fuzz")
    base, head = _sides(
        folder,
        lambda number: (
            _changed(_document(number=number), place, value) if number == which else _document(number=number)
        ),
    )
    judgement = judge_benchmarks(base, head)
    assert judgement.exit_code() in {0, 1, 4}
    for _, text in _texts(judgement):
        assert not _OBEYED.search(text.replace("\n", ""))


TOML = {
    "nested": "x = " + "[" * 5000 + "]" * 5000,
    "nested tables": "x = " + "{a=" * 5000 + "1" + "}" * 5000,
    "long number": "x = " + "9" * 5000,
    "no toml": "[gate",
    "not utf-8": "x = '\xff'",
}


@pytest.mark.parametrize("read", [read_margins, read_rules], ids=["bench.toml", "rules.toml"])
@pytest.mark.parametrize("content", TOML.values(), ids=TOML)
def test_a_broken_toml_is_one_line_that_names_the_file(tmp_path, read, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=r"broken\.toml") as caught:
        read(path)
    assert len(inert(str(caught.value))) < 400


@given(JSONS, st.sampled_from(["gate", "gate.margin", "gate.margins", "gate.allow_missing", 'gate.margins."a.py::*"']))
def test_any_value_in_the_table_of_the_gate_is_read_or_named(tmp_path_factory, value, place):
    path = tmp_path_factory.mktemp("toml") / "bench.toml"
    try:
        text = f"{place} = {json.dumps(value)}"
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    path.write_text(text)
    try:
        assert isinstance(read_margins(path), Margins)
    except UsageError as error:
        assert "bench.toml" in str(error)  # noqa: PT017  (a value may be right)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("accuracy >= 1e400", "more than anything can be"),
        (f"peak_memory <= {'9' * 400} GiB", "more than anything can be"),
        ("throughput >= 1e999x full", "more than anything can be"),
        ("accuracy >=", "write"),
        ("\n::error::", "write"),
    ],
)
def test_a_wrong_rule_names_the_file_and_the_rule(tmp_path, rule, words):
    path = tmp_path / "rules.toml"
    path.write_text(f"rules = [{json.dumps(rule)}]")
    with pytest.raises(UsageError, match=r"rules\.toml: rule ") as caught:
        read_rules(path)
    assert words in str(caught.value)


PROCESS = {
    "step_seconds_median": 0.1,
    "step_seconds_mean": 0.1,
    "peak_memory_bytes": 10**8,
    "accuracy": 0.9,
    "losses": [1],
}
BASELINE = {
    "kind": "bench baseline",
    "recorded": "2026-01-01T00:00:00Z",
    "side": {"name": "main", "commit": "abc", "fingerprint": {"processor": "CPU"}},
    "work": {"steps": 60},
    "strategies": {
        "full": {
            "is_half_precision": False,
            "data_digest": "d",
            "pairs": [{"seed": seed, "processes": [PROCESS] * 2} for seed in range(2)],
        }
    },
}
PAIR = ("strategies", "full", "pairs", 0, "processes", 0)


@pytest.mark.parametrize("name", PROCESS)
@pytest.mark.parametrize("value", [int("9" * 400), -1, "x", [[]], {}, True], ids=repr)
def test_absurd_numbers_in_a_baseline_are_named(tmp_path, name, value):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(_changed(BASELINE, (*PAIR, name), value)))
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert f"{path} is no baseline of schema 1 or 2: strategies.full.pairs.0.processes.0.{name}" in str(caught.value)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"kind":' * 50_000, '"\\ud800"', ""])
def test_what_is_no_baseline_is_named(tmp_path, content):
    path = tmp_path / "baseline.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"baseline\.json is no baseline"):
        read_baseline(path)
