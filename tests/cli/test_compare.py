"""The command line on a tiny Llama and a handful of rows: real runs, in this process and in fresh ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bench.__main__ import main
from bench.api import measure
from bench.campaign import announcement
from bench.campaign.progress import Display
from bench.cli import app
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.records.record import RunRecord
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.protocol import Request


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))


def bench(arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, **environment},
    )


def call(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command in this process."""
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    return main()


def test_a_comparison_leaves_everything_it_promises(workload: list[str], tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = bench(["compare", "--strategies", "freeze,full,amp:dtype=bf16", *workload, "--out", str(out)])
    assert done.returncode == 0, done.stderr
    assert f"report: {out / 'report.html'}" in done.stdout
    for name in ("freeze", "full", "amp"):
        assert name in done.stdout
    table = pd.read_parquet(out / "results.parquet")
    assert list(table["strategy"]) == ["freeze", "full", "amp:dtype=bf16"], "not as they were run, which chance decides"
    assert set(table["status"]) == {"ok"}
    headline = ["samples_per_second", "training_memory_bytes", "accuracy", "macro_f1", "eval_loss", "train_seconds"]
    assert table[headline].notna().all(axis=None)
    assert (table["samples_per_second"] > 0).all()
    for name in ("report.html", "summary.md", "results.csv"):
        assert (out / name).stat().st_size > 0
    assert list(out.glob("*.png"))
    by_name = {record.spec.name: record for record in Store(out).read_all()}
    assert by_name["amp:dtype=bf16"].measured.compute_dtype == "bfloat16"
    assert by_name["amp:dtype=bf16"].measured.weights_dtype == "float32"
    assert by_name["freeze"].measured.num_trainable_params == 32
    assert by_name["freeze"].changes == {"phases": "only the head trains"}
    assert {record.measured.data_digest for record in by_name.values()} == {by_name["full"].measured.data_digest}


def test_resume_does_what_is_not_done_and_report_renders_again(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    common = ["compare", *workload, "--in-process", "--out", str(out)]
    assert call([*common, "--strategies", "freeze"], monkeypatch) == 0
    first = Store(out).read_all()[0]
    assert call([*common, "--strategies", "freeze"], monkeypatch) == 2
    assert "--resume" in capsys.readouterr().err
    assert call([*common, "--strategies", "llrd,freeze", "--resume", "--quiet"], monkeypatch) == 0
    assert capsys.readouterr().err == ""
    records = Store(out).read_all()
    assert [record.spec.name for record in records] == ["llrd", "freeze"]
    assert records[1] == first
    capsys.readouterr()
    (out / "report.html").unlink()
    assert call(["report", str(out)], monkeypatch) == 0
    assert (out / "report.html").exists()
    assert "llrd" in capsys.readouterr().out


def test_runs_that_differ_in_more_than_the_strategy_are_not_mixed(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    common = ["compare", *workload, "--in-process", "--out", str(out)]
    assert call([*common, "--strategies", "freeze"], monkeypatch) == 0
    other = [*common, "--strategies", "freeze,full", "--resume", "--max-length", "8"]
    capsys.readouterr()
    assert call(other, monkeypatch) == 2
    said = capsys.readouterr().err
    assert "max_length (256 and 8 for freeze; 8 for full)" in said
    assert len(Store(out).read_all()) == 1
    assert call([*other, "--allow-mismatch"], monkeypatch) == 0
    assert "max_length" in capsys.readouterr().out
    assert call(["report", str(out)], monkeypatch) == 2
    assert call(["report", str(out), "--allow-mismatch"], monkeypatch) == 0
    assert "max_length" in (out / "summary.md").read_text()


def test_runs_on_data_that_changed_between_them_are_not_compared(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, data = tmp_path / "results", tmp_path / "reviews.csv"
    save_toy_reviews(data)
    common = ["compare", *workload, "--dataset", str(data), "--in-process", "--out", str(out)]
    assert call([*common, "--strategies", "freeze"], monkeypatch) == 0
    data.write_text(data.read_text().replace("word1", "word2"))
    capsys.readouterr()
    assert call([*common, "--strategies", "freeze,full", "--resume"], monkeypatch) == 2
    assert "Comparison not valid: these runs differ in more than the strategy: data_digest" in capsys.readouterr().out
    assert call(["report", str(out), "--format", "md"], monkeypatch) == 2


def test_a_strategy_that_breaks_gets_its_row_and_the_others_complete(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    arguments = ["compare", "--strategies", "freeze,full", *workload, "--in-process", "--out", str(out)]
    explodes = ["--lr", "1e4", "--weight-decay", "1e4", "--epochs", "3"]
    assert call([*arguments, *explodes], monkeypatch) == 1
    status = {record.spec.name: record.status for record in Store(out).read_all()}
    assert status["full"] == "diverged"
    assert (out / "report.html").exists()


def test_a_disk_that_is_full_for_a_while_costs_the_row_of_then_alone(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    runs, aside = out / "runs", out / "aside"

    class FullForARecord(Display):
        def begin(self, request: Request) -> None:
            if runs.is_file():
                runs.unlink()
                aside.rename(runs)
            super().begin(request)

        def end(self, record: RunRecord) -> None:
            if record.measured is not None and self._run == 1:
                runs.rename(aside)
                runs.touch()  # in which no record can be written
            super().end(record)

    monkeypatch.setattr(measure, "Display", FullForARecord)
    arguments = ["compare", "--strategies", "freeze", "--seeds", "2", *workload, "--in-process", "--out", str(out)]
    assert call(arguments, monkeypatch) == 1
    (kept,) = Store(out).read_all()
    said = capsys.readouterr()
    lost = RunRecord.from_json(said.err[said.err.index("{\n") : said.err.index("\n}\n") + 2])
    assert {kept.spec.seed, lost.spec.seed} == {0, 1}
    assert f"the record of freeze, seed {lost.spec.seed}, is printed above" in said.err
    assert f"report: {out / 'report.html'}" in said.out
    monkeypatch.setattr(measure, "Display", Display)
    assert call([*arguments, "--resume"], monkeypatch) == 0
    assert {record.spec.seed for record in Store(out).read_all()} == {0, 1}


def test_results_that_cannot_be_written_as_a_report_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    stored = Path(__file__).parents[1] / "golden" / "stored"
    assert call(["report", str(stored), "--out", str(tmp_path / "file")], monkeypatch) == 2
    said = capsys.readouterr()
    assert "seen_embeddings" in said.out
    assert "cannot write the report to" in said.err


def test_trained_weights_are_kept_and_load_in_transformers(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    assert (
        call(
            ["compare", "--strategies", "freeze", *workload, "--save-model", "--in-process", "--out", str(out)],
            monkeypatch,
        )
        == 0
    )
    (folder,) = (out / "models").iterdir()
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.id2label == {0: "bad", 1: "good"}
    assert AutoTokenizer.from_pretrained(folder)("word1").input_ids


def test_runs_on_weights_that_were_replaced_in_between_are_not_compared(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, model = tmp_path / "results", save_tiny_llama(tmp_path / "model")
    arguments = ["compare", *workload, "--model", str(model), "--in-process", "--out", str(out)]
    assert call([*arguments, "--strategies", "full"], monkeypatch) == 0
    weights = model / "model.safetensors"
    save_file({name: 2 * tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    assert call([*arguments, "--strategies", "full,freeze", "--resume"], monkeypatch) == 2
    headline = (out / "summary.md").read_text()
    assert "Comparison not valid" in headline
    assert "weights of the model (sha256:" in headline.replace("\\", "")


def test_a_head_that_the_checkpoint_does_not_bring_cannot_be_asked_for(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--strategies", "freeze", *workload, "--head", "checkpoint", "--in-process"]
    assert call([*arguments, "--out", str(tmp_path / "results")], monkeypatch) == 2
    assert "as --head checkpoint asks: the checkpoint brings none" in capsys.readouterr().err


def test_fp16_on_a_cpu_runs_with_its_scaler_and_carries_a_flag(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    assert (
        call(["compare", "--strategies", "amp:dtype=fp16", *workload, "--in-process", "--out", str(out)], monkeypatch)
        == 0
    )
    (record,) = Store(out).read_all()
    assert record.measured is not None
    assert record.measured.compute_dtype == "float16"
    assert "fp16-on-cpu" in [flag.code for flag in record.flags]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--strategies", "freez"], "unknown strategy 'freez'. Did you mean freeze?"),
        (["--strategies", "freeze:lst=1"], "unknown option of freeze 'lst'. Did you mean last?"),
        (["--strategies", "full+freeze"], "full and freeze do not compose"),
        (["--strategis", "full"], "--strategies"),
        (["--model", "smollm-135m"], "Did you mean smollm2-135m?"),
        (["--dataset", "roten-tomatoes"], "Did you mean rotten-tomatoes?"),
        (["--dataset", "rotten-tomatoes", "--text-column", "txt"], "Did you mean text?"),
        (["--seeds", "0"], "--seeds"),
        (["--resume"], "--resume needs --out"),
    ],
)
def test_a_wrong_request_is_one_line_with_exit_code_2_and_nothing_is_done(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["compare", *arguments], monkeypatch) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_column_of_a_file_is_found_before_anything_is_loaded(
    workload: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["compare", *workload, "--label-column", "lable"], monkeypatch) == 2
    assert "Did you mean label?" in capsys.readouterr().err


def test_what_depends_on_the_model_is_a_usage_error_too(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--strategies", "freeze:last=9", *workload, "--in-process", "--out", str(tmp_path / "out")]
    assert call(arguments, monkeypatch) == 2
    assert "the model has 4 layers" in capsys.readouterr().err


def test_a_data_set_with_more_classes_than_training_rows_is_warned_of_by_count(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "intents.csv"
    data.write_text("text,label\n" + "".join(f"word{a % 9} {b} {a},intent {a}\n" for a in range(60) for b in range(6)))
    out = tmp_path / "out"
    arguments = [
        "compare",
        "--strategies",
        "freeze",
        *workload,
        "--dataset",
        str(data),
        "--in-process",
        "--out",
        str(out),
    ]
    assert call(arguments, monkeypatch) == 0
    (record,) = Store(out).read_all()
    assert record.measured is not None
    assert record.measured.data is not None
    rows, classes = record.measured.data.num_unseen_rows, record.measured.data.num_unseen_classes
    assert 0 < classes <= rows <= 12
    (flag,) = (flag for flag in record.flags if flag.code == "unseen-classes")
    for text in (
        flag.message,
        capsys.readouterr().err,
        (out / "summary.md").read_text(),
        (out / "report.html").read_text(),
    ):
        assert f"{rows} of 12 evaluation rows are of" in text


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("smollm2-135m", "; before the first run, once: 88.6 MiB to fetch, the model's GGUF file to convert"),
        ("model.gguf", "; before the first run, once: the model's GGUF file to convert"),
        ("minilm-l6", "; before the first run, once: 79.6 MiB to fetch"),
        (".", "; results in out"),
    ],
)
def test_what_is_done_once_is_said_before_it_is_done(
    model: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.gguf").touch()
    specs = matrix(Settings.gather({"model": model, "dataset": "reviews.csv"}), "cpu")
    assert announcement.in_words(specs, specs, Path("out")).endswith(words)


def test_an_empty_directory_has_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["report", str(tmp_path)], monkeypatch) == 2
    assert "holds no runs" in capsys.readouterr().err


def test_the_record_of_a_run_is_plain_json(
    workload: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    assert call(["compare", "--strategies", "freeze", *workload, "--in-process", "--out", str(out)], monkeypatch) == 0
    (file,) = (out / "runs").glob("*.json")
    content = json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in {file}"))
    assert RunRecord.model_validate(content).spec.name == "freeze"
    assert app.run(["report", str(out)]) == 0


@pytest.mark.assets
def test_a_first_look_at_real_reviews_with_a_real_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_CACHE_DIR")
    out = tmp_path / "results"
    done = bench(
        ["compare", "--quick", "--strategies", "freeze,full", "--steps", "4", "--device", "cpu", "--out", str(out)]
    )
    assert done.returncode == 0, done.stderr
    assert {record.status for record in Store(out).read_all()} == {"ok"}
