"""`bench gate` on files of pytest-benchmark, from the command line to the exit code."""

import subprocess
import sys
from typing import get_args

import pytest

from bench.gate.outputs import FORMATS, read_json
from bench.gate.request import FormatName


@pytest.fixture(autouse=True)
def _no_workflow(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.fixture
def make_files(make_benchmark_files):
    """Write files of both sides; give the command that judges them."""

    def make(**made):
        base, head = make_benchmark_files(**made)
        return ["gate", "--base", *base, "--head", *head]

    return make


@pytest.mark.parametrize(
    ("made", "code", "word"),
    [
        ({}, 0, "pass"),
        ({"effect": 0.1}, 1, "fail"),
        ({"effect": -0.1}, 0, "improved"),
        ({"effect": 0.035}, 0, "warning"),
        ({"spread": 20}, 0, "inconclusive"),
    ],
)
def test_files_are_judged(bench, make_files, made, code, word):
    got, out, err = bench(*make_files(**made))
    assert (got, err) == (code, "")
    assert f"Gate: {word}" in out


def test_strict_is_red_where_noise_leaves_it_open(bench, make_files):
    assert bench(*make_files(spread=20), "--strict")[0] == 3


def test_a_margin_is_a_percentage(bench, make_files):
    assert bench(*make_files(effect=0.1), "--margin", "20 %")[0] == 0
    for wrong in ("0.05", "0%", "100%", "-5%", "five"):
        code, out, err = bench(*make_files(), f"--margin={wrong}")
        assert (code, out) == (2, "")
        assert f"--margin {wrong}: give a percentage" in err


def test_every_form_is_written_and_one_is_printed(bench, make_files, tmp_path):
    code, out, _ = bench(*make_files(effect=0.1), "--out", tmp_path / "new" / "gate", "--format", "json")
    assert code == 1
    assert {form.file_name for form in FORMATS.values()} <= {path.name for path in (tmp_path / "new/gate").iterdir()}
    assert read_json(out).verdict == "FAIL"
    assert (tmp_path / "new/gate/gate.json").read_text() == out


def test_the_formats_of_the_command_are_those_there_are():
    assert get_args(FormatName) == tuple(FORMATS)


def test_github_is_told(bench, make_files, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    code, out, err = bench(*make_files(effect=0.1))
    assert code == 1
    assert "Gate: fail" in out
    assert err.startswith("::error ")
    assert "Gate: fail" in (tmp_path / "summary.md").read_text()


def _refused(bench, *words):
    code, out, err = bench(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_wrong_requests_are_answered_in_one_line(bench, make_files, tmp_path):
    words = make_files(number=4)
    one = words[2]
    late = ["gate", "--base", *words[2:4], "--head", *words[-3:]]
    assert "2 files of base and 3 of head" in _refused(bench, *late)
    assert "no such file" in _refused(bench, "gate", "--base", "absent*.json", "--head", one)
    assert "Is a directory" in _refused(bench, "gate", "--base", one, "--head", _directory(tmp_path / "x.json"))
    assert "are the same measurement" in _refused(bench, "gate", "--base", one, "--head", one)
    assert "No such option: --bse" in _refused(bench, "gate", "--bse", one)
    assert "'html' is not one of" in _refused(bench, *words, "--format", "html")
    (tmp_path / "taken").write_text("")
    assert "taken: File exists; name a directory" in _refused(bench, *words, "--out", tmp_path / "taken")


def _directory(path):
    path.mkdir()
    return path


def test_help_and_wrong_words_import_nothing_heavy():
    code = (
        "import sys; from bench.cli.app import run\n"
        "try: run(['gate', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'pydantic', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("['pydantic']\n")  # of the settings
