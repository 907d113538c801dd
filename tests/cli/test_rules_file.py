"""`compare --gate` and `report --gate`: rules in a file, from the command line to the exit code."""

import json

import pytest

from bench.gate.outputs import FORMATS
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews


@pytest.fixture
def rules(tmp_path):
    """Write a file of rules."""

    def write(*sentences):
        path = tmp_path / "rules.toml"
        path.write_text(f"rules = {json.dumps(sentences)}")
        return path

    return write


@pytest.fixture
def results(make_record, tmp_path):
    with Store.open(tmp_path / "results", resume=False) as store:
        for seed in range(3):
            store.write(make_record("full", seed=seed, memory=2 << 30))
            store.write(make_record("freeze", seed=seed, step=0.4, memory=1 << 30))
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("sentences", "ending"),
    [
        (["freeze throughput >= 1.2x full", "peak_memory <= 3 GiB"], (0, "pass")),
        (["freeze throughput >= 9x full"], (1, "fail")),
        (["peak_memory <= 1.5 GiB"], (1, "fail")),
        (["freeze accuracy >= full - 1 point"], (0, "inconclusive")),
        (["full energy_joules <= 1 J"], (4, "not measured")),
    ],
)
def test_a_report_is_judged(bench, rules, results, sentences, ending):
    code, word = ending
    got, out, _ = bench("report", results, "--gate", rules(*sentences))
    assert (got, f"Gate: {word}" in out) == (code, True)
    written = json.loads((results / "gate.json").read_bytes())
    assert (written["exit_code"], written["judgement"]["base"]["name"]) == (code, "rules.toml")
    assert {"report.html", *(form.file_name for form in FORMATS.values())} <= {path.name for path in results.iterdir()}


def test_strict_is_red_where_a_rule_is_left_open(bench, rules, results):
    assert bench("report", results, "--gate", rules("freeze accuracy >= full - 1 point"), "--strict")[0] == 3


def test_runs_that_differ_in_more_stay_a_wrong_request(bench, rules, make_record, tmp_path):
    with Store.open(tmp_path / "results", resume=False) as store:
        store.write(make_record("full"))
        store.write(make_record("freeze", workload={"max_length": 64}))
    assert bench("report", tmp_path / "results", "--gate", rules("peak_memory <= 3 GiB"))[0] == 2


def _refused(bench, *words):
    code, out, err = bench(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_rules_are_read_before_any_work(bench, rules, results, tmp_path):
    files = set(results.iterdir())
    report, good = ("report", results, "--gate"), rules("peak_memory <= 3 GiB")
    assert "goes with none of --open, --out and --gate" in _refused(bench, *report, good, "--format", "md")
    assert "give one directory" in _refused(bench, "report", results, results, "--gate", good)
    assert "--strict needs --gate" in _refused(bench, "report", results, "--strict")
    assert "absent.toml: No such file" in _refused(bench, *report, tmp_path / "absent.toml")
    assert "unknown strategy 'amp'" in _refused(bench, *report, rules("amp peak_memory <= 3 GiB"))
    assert set(results.iterdir()) == files
    compare = ("compare", "--strategies", "full,freeze", "--out", tmp_path / "new", "--gate")
    assert "unknown strategy 'frieze'. Did you mean freeze?" in _refused(
        bench, *compare, rules("frieze accuracy > 0.1")
    )
    assert "unknown metric 'acuracy'" in _refused(bench, *compare, rules("acuracy > 0.1"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [((), 4), (("--lr", "1e4", "--weight-decay", "1e4"), 1)],
    ids=["a rule is broken or open", "a run failed"],
)
def test_a_comparison_is_judged_once_it_is_run(bench, rules, tmp_path, options, code):
    workload = (save_tiny_llama(tmp_path / "tiny"), "--dataset", save_toy_reviews(tmp_path / "reviews.csv"))
    sizes = ("--device", "cpu", "--epochs", "3", "--batch-size", "8", "--train-samples", "24", "--eval-samples", "12")
    sentences = rules("freeze energy_joules <= 1 J", "full peak_memory <= 1 TiB")
    asked = (
        "--strategies",
        "freeze,full",
        "--no-forecast",
        "--in-process",
        "--out",
        tmp_path / "out",
        "--gate",
        sentences,
    )
    got, out, _ = bench("compare", "--model", *workload, *sizes, *asked, *options)
    assert got == code
    assert "Gate: not measured" in out
    assert json.loads((tmp_path / "out" / "gate.json").read_bytes())["exit_code"] == 4
