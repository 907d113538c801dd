"""Calibrations and baselines from the command line to the exit code, of sides that train nothing."""

import json

import pytest

from bench.gate.judging.baseline import read_baseline
from tests.gate.stubs import write_side

SHORT = ("--strategies", "full", "--steps", "20")


@pytest.fixture
def side(tmp_path):
    """Write a checkout by what it does."""

    def side(name="side", **behaviour):
        return write_side(tmp_path / name, **behaviour)

    return side


@pytest.fixture
def baseline(bench, side, tmp_path):
    """Record a checkout that behaves well, but is so unsteady that no time is compared with its own."""
    path = tmp_path / "baselines" / "first.json"
    unsteady = side(before="import random; random.seed(os.getpid()); seconds = 0.001 * random.uniform(1, 2)")
    code, out, _ = bench("baseline", "save", path, "--side", unsteady, *SHORT)
    assert code == 0, out
    return path


def _refused(bench, *words):
    code, out, err = bench(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), (out, err)
    return err


def test_a_machine_is_calibrated_and_gates_mind_it(bench, side, tmp_path):
    """Of a side whose steps are as long as they like, no time is judged afterwards, and the rest is."""
    import_random = "import random; random.seed(os.getpid()); seconds = 0.001 * random.lognormvariate(0, 1)"
    wild = side("wild", before=import_random)
    code, out, _ = bench("gate", "--calibrate", "--head", wild, *SHORT, "--out", tmp_path / "out")
    assert code == 0
    assert "Too noisy for the margin, and not judged by gates on this machine: full, step time and full, mean" in out
    assert len(read_baseline(tmp_path / "out" / "calibration.json").strategies["full"].pairs) == 12
    assert bench("gate", "--calibrate", "--strict", "--head", wild, *SHORT)[0] == 3
    code, out, err = bench("gate", "--base", side("base"), "--head", side("head"), *SHORT, "--format", "json")
    assert code == 4
    found = {finding["metric"]: finding for finding in json.loads(out)["judgement"]["findings"]}
    assert "this machine finds" in found["step_seconds_median"]["reason"]
    assert {found[metric]["verdict"] for metric in ("step_seconds_median", "step_seconds_mean")} == {"NOT_MEASURED"}
    assert {found[metric]["verdict"] for metric in ("training_memory_bytes", "accuracy", "first_losses")} == {"PASS"}
    assert "full: 4 pairs" in err
    assert "6 pairs" not in err
    # Another work is judged.
    code, out, _ = bench("gate", "--base", side("one"), "--head", side("two"), "--strategies", "full", "--steps", "21")
    assert code != 4


def test_a_baseline_is_recorded_and_shown_and_drawn(bench, baseline, tmp_path):
    read = read_baseline(baseline)
    assert (read.side.name, read.work["steps"], len(read.strategies["full"].pairs)) == ("side", 20, 12)
    assert str(tmp_path) not in baseline.read_text(), "it goes to other machines"
    code, out, _ = bench("baseline", "show", baseline, baseline, "--out", tmp_path / "trend")
    assert code == 0
    assert out.count("100 MiB") == 2
    assert "2 baselines" in (tmp_path / "trend" / "trend.html").read_text()


def test_a_gate_against_a_baseline_does_its_work(bench, side, baseline, tmp_path):
    """Whatever a file of settings says of other work; how long it may take, the file does say."""
    config = tmp_path / "bench.toml"
    config.write_text("steps = 99\ntimeout = 2")
    head = side("head", after="assert spec['steps'] in (12, 20)")
    code, out, _ = bench("gate", "--base", baseline, "--head", head, "--config", config)
    assert code == 0
    hanging = side("hanging", before="time.sleep(600)")
    assert bench("gate", "--base", baseline, "--head", hanging, "--config", config)[0] == 5
    assert "Gate: pass" in out


@pytest.mark.parametrize(
    ("behaviour", "code", "metric"),
    [
        ({"after": "measured['memory']['host_peak_bytes'] += 32 << 20"}, 1, "training_memory_bytes"),
        ({"after": "measured['evaluation']['accuracy'] = 0.5"}, 1, "accuracy"),
        ({"after": "return fail('diverged', 'the loss is nan')"}, 1, "first_losses"),
        ({"after": "measured['losses'][3] = float('nan')"}, 1, "first_losses"),
        ({"before": "return fail('failed', 'unknown strategy', usage=True)"}, 4, None),
        ({"after": "os._exit(3)"}, 5, None),
        ({"after": "del measured['losses']"}, 4, None),
    ],
)
def test_what_got_worse_than_a_baseline_is_red(bench, side, baseline, *, behaviour, code, metric):
    got, out, _ = bench("gate", "--base", baseline, "--head", side("head", **behaviour), "--format", "json")
    assert got == code
    red = {finding["metric"] for finding in json.loads(out)["judgement"]["findings"] if finding["verdict"] == "FAIL"}
    assert red == ({metric} if metric else set())


def test_two_baselines_are_judged_without_a_run(bench, side, baseline, tmp_path):
    other = tmp_path / "other.json"
    larger = side("larger", after="measured['memory']['host_peak_bytes'] += 32 << 20")
    assert bench("baseline", "save", other, "--side", larger, *SHORT)[0] == 0
    code, out, err = bench("gate", "--base", baseline, "--head", other)
    assert (code, err) == (1, "")
    assert "32 MiB more" in out


def test_nothing_is_recorded_of_a_side_that_fails(bench, side, tmp_path):
    path = tmp_path / "baseline.json"
    code, _, err = bench("baseline", "save", path, "--side", side(after="os._exit(3)"), *SHORT)
    assert code == 5
    assert "full: not recorded: head: its process ended with exit code 3" in err
    assert not path.exists()
    code, _, err = bench("gate", "--calibrate", "--head", side("other", before="import torchless"), *SHORT)
    assert code == 4


def _file(path):
    path.write_text("")
    return path


def test_wrong_requests_are_answered_in_one_line(bench, baseline, tmp_path):
    root = tmp_path / "side"
    assert "--base: a calibration compares head with itself" in _refused(bench, "gate", "--calibrate", "--base", root)
    assert "--format: a calibration is no judgement" in _refused(bench, "gate", "--calibrate", "--format", "json")
    assert "--steps: a gate against a baseline" in _refused(bench, "gate", "--base", baseline, "--steps", "30")
    assert "which needs no interpreter" in _refused(bench, "gate", "--base", baseline, "--base-python", "python3")
    assert "absent.json: No such file" in _refused(bench, "gate", "--base", baseline, "--head", "absent.json")
    assert "absent.json: No such file" in _refused(bench, "baseline", "show", "absent.json")
    assert "taken: File exists; name a directory" in _refused(
        bench, "baseline", "show", baseline, "--out", _file(tmp_path / "taken")
    )
    assert "--base absent.json: no such file" in _refused(bench, "gate", "--base", "absent.json", "--head", root)
    no_room = "FILE {}: no file can be written there"
    for path in (tmp_path, "."):
        assert no_room.format(path) in _refused(bench, "baseline", "save", path, "--side", root)
    below = _file(tmp_path / "file")
    assert f"FILE {below}: File exists" in _refused(bench, "baseline", "save", below / "x.json", "--side", root)
    assert "--side nowhere: " in _refused(bench, "baseline", "save", tmp_path / "x.json", "--side", "nowhere")
    assert "Missing command" in _refused(bench, "baseline")
    other = tmp_path / "other-layout.json"
    other.write_text(baseline.read_text().replace('"tiny": 2', '"tiny": 0'))
    assert "tiny is 0 in base and 2 in head; record it again" in _refused(bench, "gate", "--base", other)
    other.write_text(baseline.read_text().replace('"tiny": 2', '"tiny": 2, "new\\u001b[2J": 2'))
    assert f"{other}: --new" in _refused(bench, "gate", "--base", other)
    baseline.write_text(baseline.read_text()[:300])
    assert "is no baseline of schema 1" in _refused(bench, "gate", "--base", baseline)
