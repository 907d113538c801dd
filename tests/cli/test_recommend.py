import json
from pathlib import Path

import pytest

import bench
from bench.cli import app
from bench.errors import UnknownName, UsageError
from bench.records.store import Store

STORED = str(Path(__file__).parents[1] / "golden" / "stored")


def words(text):
    return " ".join(text.split())


def test_a_strategy_is_recommended_on_stdout(capsys):
    assert app.run(["recommend", STORED, "--rank-suspect", "--memory", "4.3MiB"]) == 0
    said = words(capsys.readouterr().out)
    assert "Recommended: freeze:last=1, which alone is shown to fit (memory at most 4.3 MiB; risk 5%)." in said
    assert (
        "- full is not settled: 4 MiB (3.63 MiB to 4.37 MiB) of memory against at most 4.3 MiB, which about 5" in said
    )


def test_without_a_budget_the_most_accurate_is_recommended(capsys):
    assert app.run(["recommend", STORED]) == 0
    assert "Recommended: full, of the 2 that can be ranked; it is not told apart in accuracy" in words(
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        (["--memory", "16"], UsageError, "--memory: 16 of what"),
        (["--max-time", "soon"], UsageError, "--max-time: 'soon' is no number"),
        (["--maximize", "speed"], UsageError, "maximize"),
        (["--risk", "5%"], UsageError, "--risk belongs to a budget"),
        (["--strategies", "ful"], UnknownName, "Did you mean full"),
        (
            ["--maximize", "time-to-accuracy", "--min-accuracy", "0.8", "--quality", "macro_f1"],
            UsageError,
            "accuracy alone",
        ),
    ],
)
def test_a_wrong_budget_is_one_line(more, error, said):
    with pytest.raises(error, match=said):
        app.run(["recommend", STORED, *more])


def test_runs_that_cannot_be_compared_are_told_by_exit_code(make_record, tmp_path, capsys):
    with Store.open(tmp_path, resume=False) as store:
        for number, rows in enumerate(("1f", "2f")):
            record = make_record(f"s{number}")
            measured = record.measured.model_copy(update={"data_digest": rows * 32})
            store.write(record.model_copy(update={"measured": measured}))
    assert app.run(["recommend", str(tmp_path)]) == 2
    assert words(capsys.readouterr().out).startswith("Comparison not valid: ")
    assert app.run(["recommend", str(tmp_path), "--allow-mismatch"]) == 0


def test_a_report_with_a_budget_says_what_is_recommended(tmp_path, capsys):
    assert app.run(["report", STORED, "--out", str(tmp_path), "--rank-suspect", "--memory", "4.3MiB"]) == 0
    headline = "Recommended: freeze:last=1, which alone is shown to fit (memory at most 4.3 MiB; risk 5%)."
    assert headline in words(capsys.readouterr().out)
    assert headline in (tmp_path / "report.html").read_text()
    assert "which alone is shown to fit" in (tmp_path / "summary.md").read_text()
    (written,) = json.loads((tmp_path / "results.json").read_text())
    assert written["recommendation"]["strategy"] == "freeze:last=1"
    standings = {one["strategy"]: one["standing"] for one in written["recommendation"]["strategies"]}
    assert standings == {
        name: {"full": "open", "llrd": "open", "freeze:last=1": "fits"}.get(name, "out") for name in standings
    }


def test_the_same_from_python():
    found = bench.load(STORED, rank_suspect=True).recommend(memory="4.3 MiB")
    assert (found.strategy, found.runner_up, found.verdict) == ("freeze:last=1", None, "recommended")
    assert any("about 5 seeds (seeds=5) would settle" in sentence for sentence in found.sentences)
    assert repr(found).startswith(found.headline)
    among = bench.load(STORED).recommend(min_accuracy=0.9, strategies=["full", "amp:dtype=bf16"])
    assert among.strategy == "full"
    with pytest.raises(UsageError, match="min_accuracy="):
        bench.load(STORED).recommend(min_accuracy=85)
