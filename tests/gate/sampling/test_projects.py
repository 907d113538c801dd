"""`bench gate --run` as a user types it, of a repository whose benchmarks take no time."""

import json
import sys

import pytest

from bench.gate.outputs import read_json
from tests.gate.projects import EMIT, commit

RUN = f"{sys.executable} emit.py {{out}}"
NAMES = [f"benchmarks/test_{number}.py::test_{number}" for number in range(10)]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository of a base and a head: one benchmark is slower, one is new and one is gone."""
    root = tmp_path / "project"
    times = dict.fromkeys(NAMES, 0.01)
    commit(root, {"emit.py": EMIT, "times.json": json.dumps(times), "src/it/__init__.py": ""})
    times |= {NAMES[3]: 0.013, "benchmarks/test_new.py::test_new": 0.02}
    del times[NAMES[9]]
    commit(root, {"times.json": json.dumps(times)})
    monkeypatch.chdir(root)
    return root


def test_what_a_commit_changed_is_found_and_named(bench, project, tmp_path):
    code, out, err = bench("gate", "--run", RUN, "--base", "HEAD~1", "--head", "HEAD", "--out", tmp_path / "out")
    assert code == 1
    judgement = read_json((tmp_path / "out" / "gate.json").read_bytes())
    words = {(finding.benchmark, finding.metric): finding.verdict for finding in judgement.findings}
    assert {name for (name, _), word in words.items() if word == "FAIL"} == {NAMES[3]}
    assert {name for (name, _), word in words.items() if word == "NOT_MEASURED"} == {NAMES[9]}
    assert {name for (name, _), word in words.items() if word == "NEW"} == {"benchmarks/test_new.py::test_new"}
    assert {word for (name, _), word in words.items() if name in NAMES[:3]} == {"PASS"}
    assert "benchmarks/test_new.py::test_new" in out
    assert (judgement.base.name, judgement.head.name) == ("HEAD~1", "HEAD")
    assert len(judgement.head.commit) == 40
    assert err.splitlines()[-1].startswith("8 processes in ")
    assert len(list((tmp_path / "out" / "processes").glob("*.json"))) == 8
    assert not (project / ".git" / "worktrees").exists() or not list((project / ".git" / "worktrees").iterdir())


def test_a_deletion_that_is_meant_is_allowed_by_option_or_file(bench, project):
    words = ("gate", "--run", RUN, "--base", "HEAD~1", "--margin", "50%")
    assert bench(*words)[0] == 4
    code, out, _ = bench(*words, "--allow-missing", NAMES[9])
    assert (code, "removed" in out) == (0, True)
    (project / "bench.toml").write_text('[gate]\nallow_missing = ["benchmarks/test_9.py::*"]\n')
    assert bench(*words)[0] == 0


def test_directories_are_sides_too(bench, project):
    code, _, err = bench("gate", "--run", RUN, "--base", project, "--head", ".")
    assert code == 0, err


def test_it_runs_where_it_was_called_and_finds_what_the_checkout_holds(bench, project, monkeypatch):
    """In a directory of a larger repository, with the sources of each side before whatever is installed."""
    write = EMIT.replace(
        "times =", "import it\nassert it.__file__.startswith(str(pathlib.Path.cwd().parent)), it\ntimes ="
    )
    commit(project, {"part/emit.py": write, "part/times.json": '{"a.py::test": 0.1}'})
    monkeypatch.chdir(project / "part")
    code, out, err = bench("gate", "--run", RUN, "--base", "HEAD", "--head", "HEAD")
    assert code == 0, err
    assert "a.py::test" in out


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("import sys; sys.exit('no such \\x1b[31mbenchmark')", 5, "it ended with exit code 1: no such"),
        ("import os; os.kill(os.getpid(), 9)", 5, "it ended with exit code 137"),
        ("import time; time.sleep(60)", 5, "it took longer than --timeout allows"),
        (EMIT.replace("[{", "[{'x': sys.exit(3)} if 0 else {") + "\nsys.exit(1)", 0, "what failed is not judged"),
    ],
    ids=["refused", "killed", "hanging", "some failed"],
)
def test_a_head_that_leaves_no_benchmarks_has_crashed(bench, project, content, code, words):
    commit(project, {"emit.py": content, "times.json": json.dumps(dict.fromkeys(NAMES, 0.01))})
    commands = ("gate", "--run", RUN, "--base", "HEAD~2", "--head", "HEAD", "--timeout", "3")
    got, out, err = bench(*commands)
    assert got == code
    assert words in out
    assert "\x1b" not in err


def test_a_base_that_leaves_no_benchmarks_is_not_measured(bench, project):
    commit(project, {"emit.py": "raise SystemExit('broken')"})
    commit(project, {"emit.py": EMIT})
    code, out, _ = bench("gate", "--run", RUN, "--base", "HEAD~1", "--head", "HEAD")
    assert code == 4
    assert "Not measured: base: --run left no benchmarks: it ended with exit code 1: broken." in out


@pytest.mark.usefixtures("project")
def test_wrong_requests_are_answered_in_one_line(bench):
    def refused(*words):
        code, out, err = bench("gate", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err

    assert "say where the file goes, by {out}" in refused("--run", "pytest", "--base", "HEAD")
    assert "--base is missing" in refused("--run", RUN)
    assert "did you mean main?" in refused("--run", RUN, "--base", "maim")
    assert "--base is given an empty value" in refused("--run", RUN, "--base", "")
    assert "there is no such user" in refused("--run", RUN, "--base", "~nobody-of-that-name/x")
    assert "--steps: with --run" in refused("--run", RUN, "--base", "HEAD", "--steps", "3")
    assert "leave them out" in refused("--run", RUN, "--base", "HEAD", "--base-python", "python3")
    assert "--setup sets up what --run measures" in refused("--setup", "true", "--base", "HEAD")
    assert "--calibrate trains this bench" in refused("--calibrate", "--run", RUN)


def test_each_side_has_an_environment_of_its_own(bench, project):
    """What the setup of one side installs is not what the other measures, and what is installed here is seen by both."""
    setup = "python -c \"import sysconfig, pathlib; pathlib.Path(sysconfig.get_path('purelib'), 'own.py').write_text('x = ' + repr(str(pathlib.Path.cwd())))\" && pytest --version"
    use = "import own, pytest, os, sys\nassert own.x == os.getcwd()\nassert sys.prefix == os.environ['VIRTUAL_ENV']\n"
    commit(project, {"emit.py": use + EMIT})
    words = ("gate", "--run", "python emit.py {out}", "--setup", setup, "--base", "HEAD", "--head", "HEAD")
    code, out, err = bench(*words)
    assert code == 0, out + err
    code, out, _ = bench(*words[:4], "exit 3", *words[5:])
    assert (code, "base: --setup ended with exit code 3" in out) == (4, True)
