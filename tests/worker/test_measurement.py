"""A whole run of a tiny model in this process: what its record says of how it was measured."""

from __future__ import annotations

import json
from statistics import fmean
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.measuring import host_memory, matmul_rate
from bench.measuring.peaks import Peaks
from bench.plan import Phase as PlanPhase
from bench.protocol import Phase, Request
from bench.records.flags import FLAGS, is_suspect
from bench.records.record import Flag, RunRecord
from bench.training.trainer import Schedule
from bench.worker.measurement import StartingPoint, _phase_steps, flags_of
from bench.worker.run import Run
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> WorkloadSpec:
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_tiny_llama(folder / "tiny"), save_toy_reviews(folder / "reviews.csv")
    return WorkloadSpec(model=str(model), dataset=str(data), train_samples=24, eval_samples=12)


@pytest.fixture
def run(
    workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[RunRecord, list[str]]]:
    """Carry out a run; its record, and the phases that it went through."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)

    def carry_out(text: str = "full", *, save_model: str | None = None, **changes: Any) -> tuple[RunRecord, list[str]]:
        fields: dict[str, Any] = {"workload": workload, "batch_size": 8, "epochs": 2} | changes
        spec = RunSpec(strategy=parse_strategy(text), **fields)
        messages: list[Message] = []
        record = InProcessRunner().run(Request(spec=spec, save_model=save_model), messages.append)
        return record, [message.name for message in messages if isinstance(message, Phase)]

    return carry_out


def test_points_of_the_curve_are_phases_of_their_own(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    _, phases = run(evaluations=3)

    assert phases == ["fetch", "load", "train", "evaluate", "train", "evaluate", "train", "evaluate", "probe"]


def test_a_record_says_how_it_was_measured(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    record, _ = run()

    measured = record.measured
    assert measured is not None
    assert RunRecord.from_json(record.to_json()) == record
    assert measured.work is not None
    assert measured.work.mfu is not None
    assert measured.host is not None
    assert measured.probe_seconds is not None
    assert (measured.phase_steps, measured.skipped_steps, measured.device) == ((), (), None)
    assert all(flag.code in FLAGS for flag in record.flags)
    assert not any(is_suspect(flag.code) for flag in record.flags if flag.code not in ("swap", "cpu-steal"))
    assert "few-steps" in [flag.code for flag in record.flags]
    assert record.environment is not None
    assert record.environment.config_hash is not None


@pytest.mark.parametrize("text", ["full", "freeze+cached", "full+checkpoint", "amp:dtype=fp16"])
def test_a_steady_step_is_its_parts(run: Callable[..., tuple[RunRecord, list[str]]], text: str) -> None:
    record, _ = run(text, micro_batch_size=3)

    assert record.measured is not None
    parts = record.measured.step_parts
    assert parts is not None
    assert parts.num_steps == record.measured.num_steps - 2
    seconds = (parts.data, parts.forward, parts.backward, parts.optimizer)
    assert min(seconds) > 0
    assert sum(seconds) == pytest.approx(fmean(record.measured.step_seconds[2:]))


def test_a_run_of_warm_up_steps_alone_has_no_steady_step(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    record, _ = run(steps=2)

    assert record.measured is not None
    assert record.measured.step_parts is None


def test_the_peak_of_training_is_its_parts(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    if host_memory.peak_bytes() is None:
        pytest.skip("this kernel keeps no high-water mark")
    record, _ = run()

    assert record.measured is not None
    memory = record.measured.memory
    assert memory.phases is not None
    assert [it.phase for it in memory.phases] == ["load", "train", "evaluate"]
    parts = memory.parts
    assert parts is not None
    assert parts.total_bytes == memory.host_peak_bytes
    assert parts.residual_bytes == 0
    assert parts.gradients_bytes == 4 * record.measured.num_trainable_params
    assert parts.weights_bytes >= 4 * record.measured.num_params
    assert parts.optimizer_bytes == pytest.approx(2 * parts.gradients_bytes, rel=0.01)
    assert memory.training_bytes == parts.total_bytes - parts.before_bytes
    assert memory.training_bytes >= parts.weights_bytes + parts.gradients_bytes + parts.optimizer_bytes


def test_a_model_that_is_kept_is_the_one_that_was_evaluated(
    run: Callable[..., tuple[RunRecord, list[str]]], tmp_path: Path
) -> None:
    record, phases = run(save_model=str(tmp_path / "kept"))

    assert phases[-2:] == ["probe", "save"]
    assert record.measured is not None
    assert record.measured.work is not None


def test_a_model_that_cannot_be_kept_costs_no_measurement(
    run: Callable[..., tuple[RunRecord, list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    record, phases = run(save_model=str(tmp_path / "file" / "kept"))

    assert phases[-1] == "save"
    assert record.status == "ok"
    assert record.measured is not None
    assert "not-saved" in [flag.code for flag in record.flags]


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([(0, "ab")], ()),
        ([(0, "b"), (1, "ab")], (3,)),
        ([(0, "b"), (1, "b"), (2, "ab")], (5,)),
        ([(0, "b"), (2, "ab"), (9, "b")], (5,)),
    ],
)
def test_steps_at_which_other_layers_train(phases: list[tuple[int, str]], expected: tuple[int, ...]) -> None:
    prepared: Any = SimpleNamespace(phases=tuple(PlanPhase(epoch, frozenset(layers)) for epoch, layers in phases))
    rows = np.array([0])
    schedule = Schedule(epochs=[[rows] * 3, [rows] * 2, [rows]])

    assert _phase_steps(prepared, schedule) == expected


def test_a_head_that_was_trained_goes_on_where_it_stood_whatever_the_order_of_its_rows(
    run: Callable[..., tuple[RunRecord, list[str]]], workload: WorkloadSpec, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    trained, _ = run(save_model=str(kept), lr=1e-2)
    assert trained.measured is not None
    assert trained.measured.head == "fresh: the checkpoint brings none"
    weights, config = load_file(kept / "model.safetensors"), json.loads((kept / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good"}
    save_file(weights | {"score.weight": weights["score.weight"].flip(0)}, kept / "model.safetensors", {"format": "pt"})
    turned = {"id2label": {"0": "GOOD ", "1": "Bad"}, "label2id": {"GOOD ": 0, "Bad": 1}}
    (kept / "config.json").write_text(json.dumps(config | turned))

    def go_on(head: str) -> RunRecord:
        changes = {"model": str(kept), "head": head}
        return run("freeze", lr=1e-12, steps=1, workload=workload.model_copy(update=changes))[0]

    taken, fresh = go_on("auto"), go_on("fresh")
    assert taken.measured is not None
    assert fresh.measured is not None
    assert taken.measured.evaluation.correct == trained.measured.evaluation.correct
    assert taken.measured.evaluation.loss == pytest.approx(trained.measured.evaluation.loss, rel=1e-5)
    assert taken.measured.head.startswith("of the checkpoint: 2 of its 2 classes are those of the data")
    assert fresh.measured.head == "fresh: a fresh one was asked for (--head fresh)"
    assert fresh.measured.evaluation.loss != pytest.approx(trained.measured.evaluation.loss, rel=1e-2)
    assert "checkpoint-head" in {flag.code for flag in taken.flags}
    assert "fresh-head" in {flag.code for flag in fresh.flags}


def test_all_strategies_begin_with_the_loss_of_the_model_as_it_was_loaded(
    run: Callable[..., tuple[RunRecord, list[str]]],
) -> None:
    records = [run(text)[0] for text in ("full", "freeze", "amp:dtype=bf16", "freeze+cached")]
    records.append(run("full", seed=1)[0])
    starts = [(record.measured.initial_loss, record.measured.model_digest) for record in records if record.measured]
    first, digest = starts[0]
    assert first is not None
    assert digest is not None
    assert starts[:-1] == [(first, digest)] * 4
    assert starts[-1][0] != first
    assert records[0].measured is not None
    assert records[0].measured.losses[0] == pytest.approx(first, rel=1e-4)


def test_skipped_steps_are_known_by_their_numbers() -> None:
    device, precision = torch.device("cpu"), SimpleNamespace(num_skipped_steps=0)
    prepared: Any = SimpleNamespace(device=device, precision=precision)
    run = Run(
        spec=RunSpec(strategy=parse_strategy("full")),
        data=None,  # type: ignore[arg-type]
        prepared=prepared,
        start=StartingPoint(head="fresh", flags=()),
        schedule=Schedule(epochs=[]),
        send=lambda _: None,
        peaks=Peaks(device),
    )
    for done, num_skipped in enumerate((1, 2, 2, 3, 3), start=1):
        precision.num_skipped_steps = num_skipped
        run._step(done, None, 1.0)

    assert run.skipped == [1, 2, 4]


@pytest.mark.parametrize(
    ("asked", "ran", "codes"),
    [
        (torch.float32, torch.float32, []),
        (torch.float16, torch.float32, ["amp-without-effect", "fp16-on-cpu"]),
        (torch.bfloat16, torch.bfloat16, ["bf16-emulated"]),
    ],
)
def test_doubts_that_only_the_run_itself_knows_of(
    monkeypatch: pytest.MonkeyPatch, asked: torch.dtype, ran: torch.dtype, codes: list[str]
) -> None:
    monkeypatch.setattr("bench.worker.measurement.has_native_bf16", lambda _device: False)
    packed, failed = Flag(code="not-packed", message="x"), Flag(code="probe-failed", message="y")
    prepared = SimpleNamespace(precision=SimpleNamespace(dtype=asked), flags=(packed,), device=torch.device("cpu"))
    seen: Any = SimpleNamespace(
        start=StartingPoint(head="fresh", flags=()),
        prepared=prepared,
        compute_dtype=ran,
        afterwards=SimpleNamespace(flags=(failed,)),
    )

    assert [flag.code for flag in flags_of(seen)] == ["not-packed", "probe-failed", *codes]
