import io
import json
import webbrowser

import pandas as pd
import pytest

from bench.cli import app
from bench.errors import UnknownName, UsageError
from bench.records.store import Store


@pytest.fixture
def results(make_record, tmp_path):
    """Write results directories: two models, and a third with a strategy of its own."""

    def write(name, model, strategies):
        with Store.open(tmp_path / name, resume=False) as store:
            for strategy in strategies:
                for seed in range(2):
                    step, memory = (1, 2) if strategy == "full" else (0.5, 1)
                    store.write(
                        make_record(strategy, seed=seed, step=step, memory=memory << 30, workload={"model": model})
                    )
        return str(tmp_path / name)

    return [
        write("one", "smollm2-135m", ["full", "freeze"]),
        write("other", "minilm-l6", ["full", "llrd"]),
    ]


def test_one_directory_is_written_back_into_itself(results, tmp_path):
    assert app.run(["report", results[0]]) == 0
    assert (tmp_path / "one" / "report.html").exists()
    assert not (tmp_path / "reports").exists()


def test_several_directories_make_one_report(results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert app.run(["report", *results]) == 0
    (page,) = tmp_path.glob("reports/out/*/report.html")
    text = page.read_text()
    assert "<h1>2 comparisons, 3 strategies</h1>" in text
    assert text.count('<section class="verdict') == 2
    assert "Strategies by workload" in text
    names = {path.name for path in page.parent.iterdir()}
    assert {"1_tradeoff.png", "2_tradeoff.png", "results.csv", "comparison.csv"} <= names
    assert len(pd.read_csv(page.parent / "results.csv")) == 8
    shown = capsys.readouterr().out
    assert "minilm-l6 on rotten-tomatoes\n" in shown
    assert str(page.relative_to(tmp_path)) in shown


def test_the_runs_of_two_machines_are_not_mixed(make_record, tmp_path, capsys):
    for name in ("one", "other"):
        with Store.open(tmp_path / name, resume=False) as store:
            record = make_record()
            where = record.environment.model_copy(update={"device_name": name})
            store.write(record.model_copy(update={"environment": where}))
    assert app.run(["report", str(tmp_path / "one"), str(tmp_path / "other"), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_a_run_that_ended_before_it_knew_its_machine_stays_with_its_directory(make_record, tmp_path, capsys):
    for name in ("one", "other"):
        with Store.open(tmp_path / name, resume=False) as store:
            record = make_record()
            where = record.environment.model_copy(update={"device_name": name})
            store.write(record.model_copy(update={"environment": where}))
            store.write(make_record("amp", status="skipped", reason="no bf16", environment=None))
    assert app.run(["report", str(tmp_path / "one"), str(tmp_path / "other"), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [{line["strategy"] for line in each["strategies"]} for each in said] == [{"full", "amp"}] * 2


@pytest.mark.parametrize("kind", ["html", "md", "csv", "json"])
def test_a_report_is_printed_in_the_form_asked_for_and_nothing_is_written(results, tmp_path, capsys, kind):
    assert app.run(["report", results[0], "--format", kind]) == 0
    shown = capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "one").iterdir() if path.name != ".lock") == ["runs"]
    if kind == "html":
        assert shown.startswith("<!doctype html>")
    elif kind == "md":
        assert shown.startswith("### smollm2-135m on rotten-tomatoes")
        assert "png" not in shown
    elif kind == "csv":
        table = pd.read_csv(io.StringIO(shown)).set_index(["strategy", "metric"])
        speed = table.loc[("freeze", "samples_per_second")]
        assert speed["low"] < speed["relative"] < speed["high"]
        assert speed["letters"] == "a"
        assert table.loc[("full", "samples_per_second"), "letters"] == "b"
        assert table.loc[("full", "samples_per_second"), "is_reference"]
    else:
        (said,) = json.loads(shown)
        assert said["form"] == "winner"
        assert {line["metric"] for line in said["strategies"]} >= {"accuracy", "training_memory_bytes"}


def test_the_page_is_opened_on_request(results, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert app.run(["report", results[0], "--open", "--out", str(tmp_path / "here")]) == 0
    assert opened == [(tmp_path / "here" / "report.html").resolve().as_uri()]


@pytest.mark.parametrize("more", [["--open"], ["--out", "x"]])
def test_a_form_that_is_printed_has_no_page_to_open_or_to_place(results, more):
    with pytest.raises(UsageError, match="--format"):
        app.run(["report", results[0], "--format", "md", *more])


def test_a_reference_counts_where_it_was_run_and_must_have_been_run_somewhere(results, capsys):
    assert app.run(["report", *results, "--reference", "llrd", "--format", "json"]) == 0
    assert [said["reference"] for said in json.loads(capsys.readouterr().out)] == ["full", "llrd"]
    with pytest.raises(UnknownName, match="reference"):
        app.run(["report", *results, "--reference", "lora"])


def test_what_was_put_aside_is_said_on_the_other_stream(results, tmp_path, capsys):
    (tmp_path / "one" / "runs" / "broken.json").write_text("{")
    assert app.run(["report", results[0], "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert "broken.json" in said.err


def test_a_report_that_cannot_be_written_is_one_line_and_keeps_the_runs(results, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write the report to .*file .*; the runs are kept"):
        app.run(["report", results[0], "--out", str(tmp_path / "file")])


def test_a_reference_may_name_its_options_in_any_order(results):
    assert app.run(["report", *results, "--reference", " llrd", "--format", "json"]) == 0
    with pytest.raises(UnknownName, match="llrd:decay=1:last=2"):
        app.run(["report", *results, "--reference", "llrd:last=2:decay=1"])


def test_a_directory_of_nothing_but_odd_files_says_what_each_is(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "cut.json").write_text("{")
    (tmp_path / "runs" / "later.json").write_text('{"schema_version": 99}')
    with pytest.raises(UsageError, match=r"holds no runs that can be read: .*cut\.json is left out.*schema version 99"):
        app.run(["report", str(tmp_path)])


def test_figures_are_shown_where_they_can_be_reached(results, tmp_path):
    assert app.run(["report", results[0]]) == 0
    summary = tmp_path / "one" / "summary.md"
    assert ".png" not in summary.read_text()
    assert app.run(["report", results[0], "--figures-url", "https://a.example/runs/1"]) == 0
    assert "](https://a.example/runs/1/tradeoff.png)" in summary.read_text()
