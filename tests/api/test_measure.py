"""Every step of a comparison in order, with a search for learning rates before it: real runs of a tiny Llama."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import cross_entropy

import bench
from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.settings import Settings
from bench.experiment.tuning import TUNING_SEED
from bench.forecasting import here
from bench.measuring import matmul_rate
from bench.plan import Edit
from bench.records.micro_batch import rows_asked
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn

    from bench.plan import ModelView
    from bench.protocol import Request

    Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[bench.Result, dict[str, Any]]:
    """`full` and `freeze` of a tiny Llama on words that tell their label, tuned at 4 rates; and how to ask for it again."""
    directory = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE_DIR", str(directory / "cache"))
        patch.setenv("BENCH_LOCK_DIR", str(directory))
        asked: dict[str, Any] = {
            "strategies": "full,freeze",
            "model": save_tiny_llama(directory / "tiny"),
            "data": save_toy_reviews(directory / "reviews.csv", 400),
            "tune": "lr:trials=4:low=1e-6:high=0.03",
            "steps": 16,
            "device": "cpu",
            "in_process": True,
            "progress": False,
            "forecast": False,
            "out": directory / "out",
        }
        return bench.compare(**asked), asked


def test_the_rate_that_learns_is_found_and_measured(tuned: tuple[bench.Result, dict[str, Any]]) -> None:
    """At 1e-6 and 3e-5 sixteen steps move nothing, and at 3e-2 a Llama of four layers forgets."""
    result, _ = tuned
    records = {record.spec.strategy[0].name: record for record in result.comparisons[0].records}
    assert set(records) == {"full", "freeze"}
    tuning = records["full"].tuning
    assert tuning is not None
    assert {record.spec.seed for record in records.values()} == {0}
    assert f"full:lr={tuning.lr:g}" == records["full"].spec.name
    assert tuning.lr >= 9e-4  # type: ignore[operator]
    assert [trial.lr for trial in tuning.trials[:5]] == [None, 1e-6, 3.1e-5, 0.00097, 0.03]
    assert result.comparisons[0].reference == records["full"].spec.name


def test_trials_lie_beside_the_runs_and_were_evaluated_on_other_rows(
    tuned: tuple[bench.Result, dict[str, Any]],
) -> None:
    result, asked = tuned
    trials = [json.loads(path.read_text()) for path in (asked["out"] / "tuning" / "runs").glob("*.json")]
    digests = {trial["measured"]["data_digest"] for trial in trials}
    assert {trial["spec"]["seed"] for trial in trials} == {TUNING_SEED}
    assert len(digests) == 1
    measured = [record.measured for record in result.comparisons[0].records]
    assert digests.isdisjoint(one.data_digest for one in measured if one)
    assert len(trials) == sum(len(record.tuning.trials) for record in result.comparisons[0].records if record.tuning)


def test_asked_for_again_nothing_is_run(
    tuned: tuple[bench.Result, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object, request: Request, *_: object) -> None:
        raise AssertionError(f"{request.spec.name} is run again")

    result, asked = tuned
    monkeypatch.setattr("bench.executors.in_process.InProcessRunner._supervise", _only_prepares(fail))
    again = bench.compare(**asked, resume=True)
    assert [record.spec for record in again.comparisons[0].records] == [
        record.spec for record in result.comparisons[0].records
    ]


def test_an_interrupted_search_says_how_to_go_on(
    bench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.executors.in_process.InProcessRunner._supervise", _only_prepares(interrupt))
    model, data, out = save_tiny_llama(tmp_path / "tiny"), tmp_path / "reviews.csv", tmp_path / "my results"
    save_toy_reviews(data, 60)
    code, told, errors = bench(
        "compare", "--strategies", "full", "--tune", "lr:trials=2", "--model", model, "--dataset", data,
        "--steps", "2", "--device", "cpu", "--no-forecast", "--in-process", "--out", out,
    )  # fmt: skip
    assert (code, told) == (130, "")
    assert errors.endswith(
        f"interrupted; what ended is kept, and the same command with --resume --out '{out}' goes on\n"
    )


def _only_prepares(otherwise: Callable[..., None]) -> Callable[..., None]:
    from bench.executors.in_process import InProcessRunner  # noqa: PLC0415  (before it is replaced)

    real = InProcessRunner._supervise

    def supervise(self: InProcessRunner, requests: Sequence[Request], *more: Any) -> Any:
        return (real if requests[0].mode == "prepare" else otherwise)(self, requests, *more)

    return supervise


def test_two_searches_do_not_stand_in_one_directory(tuned: tuple[bench.Result, dict[str, Any]], tmp_path: Path) -> None:
    _, asked = tuned
    directory = tmp_path / "out"
    shutil.copytree(asked["out"], directory)
    narrower = {**asked, "strategies": "full", "tune": "lr:trials=2:low=1e-6:high=3.1e-5", "out": directory}
    with pytest.raises(UsageError, match="which another search found"):
        bench.compare(**narrower, resume=True)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--tune", "lr", "--lr", "1e-3"], "leave one of them out"),
        (["--tune", "lr", "--on-oom", "halve"], "leave one of them out"),
        (["--tune", "momentum"], "unknown setting to tune"),
    ],
)
def test_what_contradicts_a_search_is_told_before_any_work(bench: Command, options: list[str], wrong: str) -> None:
    code, out, error = bench("compare", "--quick", *options)
    assert (code, out) == (2, "")
    assert wrong in error
    assert error.count("\n") == 1


def test_rules_by_name_do_not_go_with_a_search(bench: Command, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('rules = ["peak_memory <= 20 GiB"]\n')
    code, _, error = bench("compare", "--quick", "--tune", "lr", "--gate", str(rules))
    assert code == 2
    assert "bench report --gate" in error


def test_a_dry_run_says_what_would_be_searched(bench: Command) -> None:
    code, out, _ = bench(
        "compare", "--quick", "--no-forecast", "--tune", "lr:trials=4", "--strategies", "full,freeze:lr=1e-3,discriminative:body=1e-5",
        "--dry-run",
    )  # fmt: skip
    assert code == 0
    assert (
        "first, a learning rate for full (freeze:lr=0.001, discriminative:body=1e-5 have rates already): the default and 4 rates"
        in out
    )


def test_a_file_may_ask_for_a_search_and_the_command_call_it_off(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('tune = "lr:trials=4"\n')
    assert Settings.gather({}, config=config).tune == "lr:trials=4"
    assert Settings.gather({"tune": "none"}, config=config).tune is None
    config.write_text('tune = "rate"\n')
    with pytest.raises(UsageError, match="unknown setting to tune"):
        Settings.gather({}, config=config)


@dataclass(frozen=True)
class Taking:
    """The cross-entropy, for which more than `rows` rows take more memory than any machine has."""

    rows: int
    seed: int

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor, _model: nn.Module) -> torch.Tensor:
        if len(targets) > self.rows and torch.initial_seed() >= self.seed:
            torch.empty(2**60, dtype=torch.uint8)
        return cross_entropy(logits, targets)


@dataclass(frozen=True)
class Greedy:
    rows: int = 2
    seed: int = 0
    """From which on it is greedy."""

    def edit(self, _view: ModelView) -> Edit:
        return Edit(loss=Taking(self.rows, self.seed))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How to ask for a few runs of `greedy` beside `full`."""
    monkeypatch.setitem(registry._offered, "greedy", Greedy)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)
    return {
        "model": save_tiny_llama(tmp_path / "tiny"),
        "data": save_toy_reviews(tmp_path / "reviews.csv", 60),
        "steps": 3,
        "batch_size": 8,
        "train_samples": 24,
        "eval_samples": 12,
        "device": "cpu",
        "in_process": True,
        "progress": False,
        "forecast": False,
        "out": tmp_path / "out",
    }


def test_what_does_not_fit_by_its_forecast_is_halved_before_it_runs(asked: dict[str, Any]) -> None:
    asked |= {"strategies": "full,greedy", "on_oom": "halve", "forecast": True}
    full, greedy = bench.compare(**asked).comparisons[0].results
    assert (full.micro_batch_size, greedy.micro_batch_size, greedy.batch_size) == (8, 2, 8)
    assert greedy.measured[0].losses == pytest.approx(full.measured[0].losses, rel=1e-4)
    apart = Store(asked["out"] / "out-of-memory").read_all()
    assert {(rows_asked(record.spec), record.status) for record in apart} == {(8, "skipped"), (4, "skipped")}


def test_after_running_out_of_memory_all_seeds_run_at_half_the_micro_batch_until_it_fits(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked |= {"strategies": "full,greedy:seed=1", "seeds": 2, "on_oom": "halve"}
    result = bench.compare(**asked)
    (comparison,) = result.comparisons
    assert comparison.form != "invalid"
    assert comparison.reference == "full"
    full, greedy = comparison.results
    assert (full.micro_batch_size, greedy.micro_batch_size, greedy.batch_size) == (8, 2, 8)
    assert sorted(greedy.measured) == sorted(full.measured) == [0, 1]
    for seed in (0, 1):
        assert greedy.measured[seed].losses == pytest.approx(full.measured[seed].losses, rel=1e-4), "the same batches"
    said = "micro-batch halved from 8 to 2, as more did not fit the memory"
    assert [flag.message for flag in greedy.flags if flag.code == "micro-batch-halved"] == [said]
    page = result.report().read_text()
    assert said in page
    assert "2 of 8" in page
    apart = Store(asked["out"] / "out-of-memory").read_all()
    assert {(record.spec.seed, record.micro_batch_size, record.status) for record in apart} == {
        (0, 8, "ok"), (1, 8, "oom"), (0, 4, "ok"), (1, 4, "oom")
    }  # fmt: skip

    with pytest.raises(UsageError, match=r"differ in micro_batch_size \(2 and 8 for greedy:seed=1\): they cannot be"):
        bench.compare(**{**asked, "on_oom": "fail"}, resume=True)
    monkeypatch.setattr("bench.executors.in_process.InProcessRunner._supervise", None)
    again = bench.compare(**asked, resume=True)
    assert [record.spec for record in again.records] == [record.spec for record in result.records]


def test_unless_it_is_asked_for_the_row_says_that_it_ran_out_of_memory(asked: dict[str, Any]) -> None:
    result = bench.compare(**asked, strategies="full,greedy,greedy:rows=8+accumulate:rows=4")
    assert dict(zip(result.runs["strategy"], result.runs["status"], strict=True)) == {
        "full": "ok", "greedy": "oom", "greedy:rows=8+accumulate:rows=4": "ok"
    }  # fmt: skip
    assert result.runs["micro_batch_size"].tolist() == [8, 8, 4]
    assert not (asked["out"] / "out-of-memory").exists()
    result = bench.compare(**asked, strategies="greedy", on_oom="halve", resume=True)
    assert set(result.runs["status"]) == {"ok"}


def test_micro_batches_are_found_before_the_first_run_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: 0)
    asked: dict[str, Any] = {
        "strategies": "full",
        "model": save_tiny_llama(tmp_path / "tiny"),
        "data": save_toy_reviews(tmp_path / "reviews.csv"),
        "train_samples": 24,
        "eval_samples": 12,
        "batch_size": 8,
        "micro_batch_size": "fit",
        "device": "cpu",
        "in_process": True,
        "progress": False,
        "out": tmp_path / "out",
    }
    (record,) = bench.compare(**asked).comparisons[0].records
    assert (record.spec.micro_batch_size, record.spec.batch_size, record.status) == (1, 8, "ok")
    monkeypatch.undo()
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    records = bench.compare(**asked, seeds=2, resume=True).comparisons[0].records
    assert [(one.spec.seed, one.spec.micro_batch_size) for one in records] == [(0, 1), (1, 1)]
