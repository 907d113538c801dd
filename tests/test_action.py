"""The GitHub action and the workflow: they parse, and the step that judges runs as a runner would run it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from bench.cli.gate import gate
from tests.gate.projects import EMIT, commit

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GUIDE = (ROOT / "docs" / "gate.md").read_text()
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"


@pytest.fixture
def act(make_benchmark_files, tmp_path):
    """Run the step that judges on files of both sides; give the exit code, its outputs and the summary."""
    step = ACTION["runs"]["steps"][-1]

    def run(cwd=tmp_path, **inputs):
        make_benchmark_files(inputs.pop("effect", 0.0))
        given = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
        environ = {name: given[value[len("${{ inputs.") : -len(" }}")]] for name, value in step["env"].items()}
        output, summary = tmp_path / "output", tmp_path / "summary.md"
        environ |= {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_OUTPUT": str(output)}
        environ |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
        return done, outputs, summary.read_text() if summary.exists() else ""

    return run


@pytest.mark.parametrize(
    ("inputs", "code", "verdict"),
    [
        ({}, 0, "PASS"),
        ({"effect": 0.1}, 1, "FAIL"),
        ({"effect": 0.1, "margin": "30 %", "strict": "true"}, 0, "PASS"),
    ],
)
def test_patterns_of_files_are_judged(act, inputs, code, verdict):
    done, outputs, summary = act(base="base-*.json", head="head-*.json", **inputs)
    assert (done.returncode, outputs["verdict"]) == (code, verdict), done.stderr
    assert Path(outputs["json"]).parent.joinpath("gate.html").exists()
    assert "Gate: " in summary
    assert ("::error " in done.stderr) == (code == 1)


def test_a_wrong_request_has_no_verdict(act):
    done, outputs, summary = act(base="absent-*.json", head="head-*.json")
    assert (done.returncode, outputs, summary) == (2, {}, "")


def test_inputs_reach_the_command_and_nothing_is_run_that_they_say(act, tmp_path):
    done, outputs, _ = act(base="$(touch escaped)", head="head-*.json; touch escaped", margin="$(touch escaped)")
    assert (done.returncode, outputs) == (2, {})
    assert not (tmp_path / "escaped").exists()


@pytest.mark.slow
def test_the_workflow_for_a_stranger_gates_a_fresh_repository(act, tmp_path):
    """What the documents give to copy, on a repository made here: the steps that they name, with their inputs."""
    (workflow,) = [block for block in re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL) if "on: " in block]
    assert len(workflow.splitlines()) <= 15
    read = yaml.safe_load(workflow)
    assert read[True] == "pull_request"
    *_, step = read["jobs"]["gate"]["steps"]
    assert re.fullmatch(r"OWNER/bench@v\d+\.\d+\.\d+", step["uses"])
    assert step["uses"].endswith(f"@v{tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}")
    assert set(step["with"]) <= set(ACTION["inputs"])
    root = tmp_path / "stranger"
    test = "def test_sum(benchmark):\n    benchmark.pedantic(sum, args=(range({}),), rounds=20)\n"
    commit(root, {"benchmarks/test_a.py": test.format(50_000)})
    commit(root, {"benchmarks/test_b.py": test.format(50_000).replace("_sum", "_new")})
    # How long it takes here does not count, but that both sides were measured and judged.
    done, outputs, summary = act(root, base="HEAD~1", margin="99%", **step["with"])
    assert done.returncode in {0, 1}, done.stderr
    assert outputs["verdict"] in {"PASS", "INCONCLUSIVE", "IMPROVED", "WARN", "FAIL"}
    assert "benchmarks/test_b.py::test_new" in summary
    assert "processes in" in done.stderr


def test_what_the_action_is_given_reaches_the_command(act, tmp_path):
    root = tmp_path / "stranger"
    commit(root, {"emit.py": EMIT, "times.json": '{"a.py::kept": 0.1, "a.py::gone": 0.1}'})
    commit(root, {"times.json": '{"a.py::kept": 0.1}'})
    inputs = {"run": "python emit.py {out}; touch '$(touch escaped)'", "base": "HEAD~1"}
    done, outputs, _ = act(root, **inputs)
    assert (done.returncode, outputs["verdict"]) == (4, "NOT_MEASURED"), done.stderr
    done, outputs, _ = act(root, **inputs, **{"allow-missing": "a.py::g*"})
    assert (done.returncode, outputs["verdict"]) == (0, "PASS"), done.stderr
    assert not list(tmp_path.rglob("escaped"))


def test_the_action_has_what_the_runner_asks_for():
    assert set(ACTION) == {"name", "description", "inputs", "outputs", "runs"}
    assert list(ACTION["inputs"]) == [*("run", "setup", "base", "head", "margin", "allow-missing", "strict")]
    assert {name.replace("-", "_") for name in ACTION["inputs"]} <= set(gate.__annotations__)
    assert ACTION["runs"]["using"] == "composite"
    assert all(set(step) >= {"run", "shell"} for step in ACTION["runs"]["steps"])
    assert all("description" in each for kind in ("inputs", "outputs") for each in ACTION[kind].values())
    assert "${{" not in "".join(step["run"] for step in ACTION["runs"]["steps"])  # what is put into a script is run
    ids = {step.get("id") for step in ACTION["runs"]["steps"]}
    for each in ACTION["outputs"].values():
        assert re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.\w+ \}\}", each["value"])[1] in ids


def test_our_own_workflow_is_short():
    block = WORKFLOW.read_text()
    assert len(block.splitlines()) <= 15
    workflow = yaml.safe_load(block)
    assert workflow[True] == "pull_request"  # YAML reads "on" as a boolean
    (job,) = workflow["jobs"].values()
    assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
        "actions/checkout",
        "actions/setup-python",
        "./",
    ]
    assert job["steps"][0]["with"]["fetch-depth"] == 0
