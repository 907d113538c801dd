"""Records as a real comparison leaves them, made on the spot."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from bench.analysis.by_class import balanced_accuracy, confusion_matrix, macro_f1
from bench.experiment.spec import RunSpec, Term, WorkloadSpec, parse_strategy
from bench.plan import Layer, Linear, ModelView, Param
from bench.records.data_summary import ClassCount, DataSummary, Lengths, SplitSummary
from bench.records.evaluation import CurvePoint, Evaluation
from bench.records.readings import RankReadings, StepParts
from bench.records.record import Environment, Flag, LayerRate, Measurement, Memory, RunRecord
from bench.records.row_classes import encode
from bench.records.tuning import Tuning, TuningTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell lets what it runs in the background ignore Ctrl-C, and all tests of it would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails because the machine was slow.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu"):
        import torch  # noqa: PLC0415  (most tests do without)

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


HELD_BYTES = 300 << 20
"""Before the weights, by the process of every run."""
STARTED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LAYERS = ("embed_tokens", *(f"layers.{index}" for index in range(12)), "score")


DATA = DataSummary(
    train=SplitSummary(num_rows=8530, num_without_text=12, num_without_label=3, num_repeated=5, num_contradicting=1),
    evaluation=None,
    num_dropped_duplicates=3,
    num_available_train=6809,
    num_available_eval=1703,
    num_train=512,
    num_eval=256,
    num_classes=2,
    classes=(
        ClassCount(name="negative", num_train=258, num_eval=133),
        ClassCount(name="positive", num_train=254, num_eval=123),
    ),
    num_other_train=0,
    num_other_eval=0,
    num_unseen_classes=0,
    num_unseen_rows=0,
    majority_class="negative",
    majority_share=133 / 256,
    lengths=Lengths(
        median=27, quantile_95=52, longest=310, limit=256, truncated_share=0.02, truncated_eval_share=0.012
    ),
    notes=("separated by ;",),
    remarks=('"Good" (2 rows), "good" (90 rows) look alike, and are classes of their own',),
)
"""What was read, as a run's record has it."""


def _measured(
    *,
    seed: int,
    step: float,
    memory: int,
    accuracy: float,
    num_steps: int,
    num_rows: int,
    lrs: tuple[float | None, ...],
) -> Measurement:
    draw = random.Random(f"{seed}-{step}-{accuracy}")
    batch = random.Random(seed)  # what every strategy sees alike
    steps = tuple(
        step * batch.uniform(0.8, 1.2) * draw.uniform(0.97, 1.03) * (2 if number < 2 else 1)
        for number in range(num_steps)
    )
    answers = [draw.random() < accuracy for _ in range(num_rows)]
    share = sum(answers) / num_rows
    labels = np.array([int(52 * row % 100 >= 52) for row in range(num_rows)])
    predictions = np.where(answers, labels, 1 - labels)
    matrix = confusion_matrix(labels, predictions, 2)
    seconds = sum(steps)
    tokens = tuple(batch.randint(700, 1200) for _ in steps)
    return Measurement(
        num_params=134_000_000,
        num_trainable_params=max(1_000, 10_000_000 * sum(rate is not None for rate in lrs)),
        num_steps=num_steps,
        num_skipped_steps=0,
        num_samples=16 * num_steps,
        num_tokens=sum(tokens),
        num_padded_tokens=1_300 * num_steps,
        train_seconds=seconds,
        load_seconds=1.25,
        step_seconds=steps,
        step_tokens=tokens,
        losses=tuple(0.7 - 0.3 * number / num_steps for number in range(num_steps)),
        samples_per_second=16 * num_steps / seconds,
        steady_samples_per_second=16 * (num_steps - 2) / sum(steps[2:]) if num_steps > 2 else None,
        steady_tokens_per_second=sum(tokens[2:]) / sum(steps[2:]) if num_steps > 2 else None,
        num_warmup_steps=2,
        compute_dtype="float32",
        weights_dtype="float32",
        memory=Memory(
            host_peak_bytes=HELD_BYTES + memory,
            host_before_bytes=HELD_BYTES,
            host_baseline_bytes=HELD_BYTES + memory // 3,
            method="kernel-hwm",
        ),
        evaluation=Evaluation(
            accuracy=share,
            macro_f1=macro_f1(matrix),
            balanced_accuracy=balanced_accuracy(matrix),
            classes=("negative", "positive"),
            labels=encode(labels, 2),
            predictions=encode(predictions, 2),
            loss=1.1 - accuracy,
            num_samples=num_rows,
            majority_accuracy=0.52,
            correct="".join("01"[answer] for answer in answers),
            seconds=4.5,
        ),
        curve=tuple(
            CurvePoint(
                step=num_steps * part // 3,
                seconds=seconds * part / 3,
                loss=1.1 - accuracy + 0.1 * (3 - part),
                accuracy=0.5 + (share - 0.5) * part / 3,
                num_samples=128,
            )
            for part in (1, 2, 3)
        ),
        layer_rates=tuple(
            LayerRate(layer=layer, lr=lr, num_params=10_000_000, num_trainable_params=10_000_000 if lr else 0)
            for layer, lr in zip(LAYERS, lrs, strict=True)
        ),
        num_labels=2,
        num_train_rows=512,
        num_dropped_duplicates=3,
        num_dropped_rows=0,
        truncated_share=0.02,
        data_digest="5f" * 32,
        seen_embeddings=False,
        head="fresh: the checkpoint brings none",
        data=DATA,
    )


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    """Build a record of the strategy given as name (any text) with the step time, memory and accuracy given."""

    def make(
        strategy: str = "full",
        *,
        seed: int = 0,
        step: float = 1.0,
        memory: int = 2 << 30,
        accuracy: float = 0.8,
        num_steps: int = 32,
        num_rows: int = 256,
        lrs: tuple[float | None, ...] = (2e-5,) * len(LAYERS),
        status: str = "ok",
        workload: dict[str, Any] | None = None,
        **more: Any,
    ) -> RunRecord:
        measured = _measured(
            seed=seed, step=step, memory=memory, accuracy=accuracy, num_steps=num_steps, num_rows=num_rows, lrs=lrs
        )
        spec = RunSpec(strategy=(Term(name=strategy),), workload=WorkloadSpec(**(workload or {})), seed=seed)
        environment = Environment(
            host_cpu="Example CPU @ 2.50GHz",
            num_cores=2,
            num_threads=2,
            host_memory_bytes=8 << 30,
            platform="Linux-6.1-x86_64",
            python="3.13.1",
            versions={"torch": "2.13.0", "transformers": "5.23.0", "finetune-bench": "0.1.0"},
            device_name="Example CPU @ 2.50GHz",
            git_commit="0123abcd" * 5,
            git_dirty=False,
        )
        fields: dict[str, Any] = {
            "spec": spec,
            "status": status,
            "measured": measured if status == "ok" else None,
            "environment": environment,
            "started_at": STARTED + timedelta(minutes=seed),
            "wall_seconds": 80.0,
        }
        return RunRecord(**(fields | more))

    return make


@pytest.fixture(scope="session")
def evaluated() -> Callable[..., RunRecord]:
    """Let the rows of a record be of these classes, and be taken for those, by number."""

    def evaluated(
        record: RunRecord, classes: tuple[str, ...], labels: Sequence[int], predictions: Sequence[int]
    ) -> RunRecord:
        assert record.measured is not None
        actual, taken = np.array(labels), np.array(predictions)
        matrix = confusion_matrix(actual, taken, len(classes))
        changes = {
            "accuracy": float((actual == taken).mean()),
            "macro_f1": macro_f1(matrix),
            "balanced_accuracy": balanced_accuracy(matrix),
            "majority_accuracy": float(np.bincount(actual).max() / len(actual)),
            "num_samples": len(actual),
            "correct": "".join("01"[int(right)] for right in actual == taken),
            "classes": classes,
            "labels": encode(actual, len(classes)),
            "predictions": encode(taken, len(classes)),
        }
        evaluation = record.measured.evaluation.model_copy(update=changes)
        return record.model_copy(update={"measured": record.measured.model_copy(update={"evaluation": evaluation})})

    return evaluated


@pytest.fixture(scope="session")
def tuned(make_record: Callable[..., RunRecord]) -> Callable[..., RunRecord]:
    """Build a record of a strategy whose rate was searched for: `scores` by rate, of trials of 64 steps, `short` of 32.

    A score of None is a trial that diverged. The best of the default rates and the others is chosen, and in the name.
    """

    def tuned(
        strategy: str,
        default: float | None,
        scores: dict[float, float | None],
        *,
        short: dict[float, float | None] | None = None,
        num_rows: int = 1000,
        metric: str = "accuracy",
        **more: Any,
    ) -> RunRecord:
        tried = [(None, 64, default), *((rate, 32, score) for rate, score in (short or {}).items())]
        tried += [(rate, 64, score) for rate, score in scores.items()]
        trials = tuple(
            TuningTrial(
                lr=rate,
                num_steps=num_steps,
                status="diverged" if score is None else "ok",
                quality=score,
                loss=None if score is None else 1 - score,
                seconds=num_steps / 8,
            )
            for rate, num_steps, score in tried
        )
        best = max((trial for trial in trials if trial.num_steps == 64), key=lambda trial: trial.quality or 0)
        name = strategy if best.lr is None else f"{strategy}:lr={best.lr:g}"
        tuning = Tuning(metric=metric, num_rows=num_rows, trials=trials, lr=best.lr)
        return make_record(name, tuning=tuning, **more)

    return tuned


@pytest.fixture(scope="session")
def records(make_record: Callable[..., RunRecord]) -> tuple[RunRecord, ...]:
    """Three seeds of four strategies, one that ran out of memory and one that diverged with its last seed."""
    frozen: tuple[float | None, ...] = (*(None,) * (len(LAYERS) - 1), 1e-3)
    decayed = tuple(4e-5 * 0.8 ** (len(LAYERS) - 1 - depth) for depth in range(len(LAYERS)))
    flag = Flag(code="truncated-inputs", message="6.2% of the training rows are longer than 256 tokens")
    made = []
    for seed in range(3):
        near = 1 + 0.004 * seed
        made += [
            make_record("full", seed=seed, memory=int(near * 2_400_000_000)),
            make_record(
                "freeze",
                seed=seed,
                step=0.35,
                memory=int(near * 900_000_000),
                accuracy=0.72,
                lrs=frozen,
                changes={"phases": "only score trains"},
            ),
            make_record(
                "freeze:last=2+amp",
                seed=seed,
                step=0.3,
                memory=int(near * 1_100_000_000),
                accuracy=0.8,
                lrs=(*(None,) * (len(LAYERS) - 3), 5e-5, 5e-5, 1e-3),
                flags=(flag,),
                changes={"phases": "only layers.10, layers.11, score train", "precision": "amp"},
            ),
            make_record(
                "llrd:decay=0.8",
                seed=seed,
                step=1.01,
                memory=int(near * 2_390_000_000),
                accuracy=0.81,
                lrs=decayed,
                changes={"lr_scale": "0.8 per layer below the head"},
            )
            if seed < 2
            else make_record("llrd:decay=0.8", seed=seed, status="diverged", reason="the loss became NaN at step 7"),
            make_record(
                "full+wide",
                seed=seed,
                status="oom",
                reason="cannot allocate 512 MiB at step 0",
                phase="train",
                memory=1,
                changes={"weights": "fp32"},
            ).model_copy(
                update={"memory": Memory(host_peak_bytes=HELD_BYTES + 7_900_000_000, host_before_bytes=HELD_BYTES)}
            ),
        ]
    return tuple(made)


@pytest.fixture(scope="session")
def run_pytest() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a pytest of its own in a directory, which knows nothing of the one that runs this."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def make_benchmark_files(tmp_path: Path) -> Callable[..., tuple[list[Path], list[Path]]]:
    """Write files of base and head as pytest-benchmark does, recorded in turns: base-0.json, head-0.json, ..."""
    noise = (0.0, 0.006, -0.004, 0.003, -0.006, 0.001)

    def make(effect: float = 0.0, number: int = 6, spread: float = 1.0) -> tuple[list[Path], list[Path]]:
        sides: dict[str, list[Path]] = {"base": [], "head": []}
        for index in range(number):
            for turn, (side, paths) in enumerate(sides.items()):
                seconds = 0.1 * (1 + spread * noise[(index + 2 * turn) % 6]) * (1 + effect * turn)
                one = {"fullname": "test_x.py::test_a", "stats": {"median": seconds, "mean": seconds}}
                when = (STARTED + timedelta(minutes=2 * index + turn)).isoformat()
                content = {"datetime": when, "machine_info": {"system": "Linux"}, "benchmarks": [one]}
                paths.append(tmp_path / f"{side}-{index}.json")
                paths[-1].write_text(json.dumps(content))
        return sides["base"], sides["head"]

    return make


@pytest.fixture
def view() -> ModelView:
    """Four transformer layers between embeddings and head."""
    sizes = {"embeddings": 100, "layer 0": 40, "layer 1": 40, "layer 2": 40, "layer 3": 44, "head": 8}
    layers = tuple(
        Layer(
            name,
            (
                Param(f"{name}.weight", frozenset({"weight"}), (size - 4,)),
                Param(f"{name}.bias", frozenset({"bias"}), (4,)),
            ),
        )
        for name, size in sizes.items()
    )
    linears = tuple(Linear(f"model.layers.{number}.q_proj", f"layer {number}", (4, 4)) for number in (0, 3))
    return ModelView(layers, linears)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Run a test on the CPU, and on a GPU where `pytest -m gpu` asks for it."""
    import torch  # noqa: PLC0415  (most tests do without)

    return torch.device(request.param)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Run a test without the tracing of coverage, under which torch's compiler takes minutes."""
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)


@pytest.fixture
def bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process, outside any workflow; give exit code, output and errors."""
    from bench.__main__ import main  # noqa: PLC0415  (the command line, which most tests do without)

    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        code = main()
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def asked() -> Callable[..., RunRecord]:
    """Return a copy of a record that was asked for with another strategy and other settings."""

    def change(record: RunRecord, text: str = "full", **changes: object) -> RunRecord:
        spec = record.spec.model_copy(update={"strategy": parse_strategy(text)} | changes)
        return record.model_copy(update={"spec": spec})

    return change


@pytest.fixture(scope="session")
def in_processes() -> Callable[..., RunRecord]:
    """Return a copy of a finished record of a run that so many processes shared, of which the last takes a MiB less than the others."""

    def share(record: RunRecord, num: int = 2, **changes: object) -> RunRecord:
        measured = record.measured
        assert measured is not None
        peak = measured.memory.training_bytes or 0
        parts = StepParts(data=0.1, forward=0.2, backward=0.3, optimizer=0.15, num_steps=4, communication=0.25)
        ranks = RankReadings(num=num, peak_bytes=(*(peak,) * (num - 1), peak - (1 << 20)))
        spec = record.spec.model_copy(update={"num_processes": num} | changes)
        update = {"spec": spec, "measured": measured.model_copy(update={"step_parts": parts, "ranks": ranks})}
        return record.model_copy(update=update)

    return share


@pytest.fixture(scope="session")
def with_rates(make_record: Callable[..., RunRecord], asked: Callable[..., RunRecord]) -> list[list[RunRecord]]:
    """Two strategies, each at three rates of the whole run, as three finished comparisons."""
    return [
        [
            asked(make_record(name, seed=seed, accuracy=accuracy, lrs=(rate,) * 14), name, lr=rate)
            for seed in range(2)
            for name, accuracy in (("full", best), ("amp", 0.7))
        ]
        for rate, best in zip((1e-5, 1e-4, 1e-3), (0.6, 0.9, 0.55), strict=True)
    ]


@pytest.fixture(scope="session")
def with_lengths(make_record: Callable[..., RunRecord]) -> list[list[RunRecord]]:
    """Two strategies, each at three maximal lengths, as three finished comparisons."""
    return [
        [
            make_record(name, step=length / 64, memory=length << 22, workload={"max_length": length})
            for name in ("full", "freeze")
        ]
        for length in (256, 64, 128)
    ]
