"""Whole runs of a tiny model: what they begin from, and the model that is kept of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import load_file, save_file

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, parse_strategy
from bench.protocol import Planned, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord


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


def test_a_dry_step_tries_a_plan_where_it_trains_the_most(
    workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))

    def tried(text: str) -> tuple[int, int]:
        messages: list[Message] = []
        spec = RunSpec(strategy=parse_strategy(text), workload=workload, batch_size=8, steps=8)
        only(InProcessRunner(), Request(spec=spec, mode="dry"), messages.append)
        (planned,) = (message for message in messages if isinstance(message, Planned))
        return planned.num_trainable_params, planned.num_params

    for text in ("full", "gradual", "chain_thaw", "head_then_full:until=0.8"):
        trainable, everything = tried(text)
        assert trainable == everything, text
    assert tried("freeze")[0] < tried("lisa:layers=1")[0] < everything


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
