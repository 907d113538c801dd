"""The exported script is run, and its losses are held to those that were measured, step by step."""

from __future__ import annotations

import json
import runpy
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from transformers import Trainer

from bench.exporting.export import export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from bench.experiment.spec import WorkloadSpec
    from bench.records.record import RunRecord

    Measure = Callable[..., tuple[Path, RunRecord]]

pytestmark = pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true:UserWarning")  # of torch, on a CPU


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], tuple[list[float], dict[str, Any]]]:
    """Run a script; the losses of its steps, unrounded, and what it leaves behind."""

    def run(file: Path) -> tuple[list[float], dict[str, Any]]:
        losses: list[float] = []
        plain = Trainer.training_step

        def step(self: Trainer, *args: Any, **kwargs: Any) -> torch.Tensor:
            loss = plain(self, *args, **kwargs)
            losses.append(float(loss))
            return loss

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "training_step", step)
            left = runpy.run_path(str(file))
        return losses, left

    return run


AT_ONCE = {"lora": "bert"}
"""Strategies, each with the tiny model that it trains."""
SLOWLY = {
    "full": "llama",
    "llrd": "llama",
    "freeze": "llama",
    "freeze:last=2": "bert",
    "discriminative": "llama",
    "dora": "llama",
    "bitfit": "bert",
    "amp:dtype=bf16": "llama",
    "lora:r=4+lora_plus": "llama",
    "rslora": "gpt2",
    "pissa": "llama",
    "ia3": "bert",
    "vera": "llama",
    "adapter:type=oft": "llama",
    "norm_only": "gpt2",
    "full+checkpoint": "bert",
    "freeze:last=1+cached": "gpt2",
    "full+seen_embeddings": "llama",
}


@pytest.mark.parametrize(
    ("strategy", "model"),
    [*AT_ONCE.items(), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOWLY.items())],
)
def test_losses_are_those_that_were_measured(
    measure: Measure, run_script: Callable[[Path], Any], tmp_path: Path, strategy: str, model: str
) -> None:
    directory, record = measure(strategy, model)
    export(directory, strategy, "trainer", tmp_path / "exported.py")
    losses, left = run_script(tmp_path / "exported.py")
    assert record.measured
    tolerance = 2e-2 if record.measured.compute_dtype == "bfloat16" else 1e-5
    assert losses == pytest.approx(record.measured.losses, rel=tolerance)
    assert left["trainer"].state.log_history[-1]["eval_accuracy"] == record.measured.evaluation.accuracy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        ("lora", {"micro_batch_size": 3}),
        ("lora+accumulate:rows=2", {"micro_batch_size": 3}),
        ("lora", {"steps": 5, "lr": None}),
        ("lora", {"warmup_ratio": 0.0, "seed": 7}),
        ("full", {"way": "rows"}),
        ("freeze:last=1+cached", {"way": "rows"}),
        ("full", {"way": "padded"}),
    ],
)
def test_settings_of_the_run_are_those_of_the_script(
    measure: Measure, run_script: Callable[[Path], Any], tmp_path: Path, strategy: str, changes: dict[str, Any]
) -> None:
    directory, record = measure(strategy, "llama", **changes)
    export(directory, strategy, "trainer", tmp_path / "exported.py")
    losses, _ = run_script(tmp_path / "exported.py")
    assert record.measured
    num_parts = len(losses) // record.measured.num_steps
    steps = np.array(losses).reshape(record.measured.num_steps, num_parts).sum(1)
    assert steps == pytest.approx(record.measured.losses, rel=1e-5)


@pytest.mark.slow
def test_what_is_frozen_drops_nothing_out(
    measure: Measure, tiny: Callable[[str], WorkloadSpec], run_script: Callable[[Path], Any], tmp_path: Path
) -> None:
    plain = tiny("llama")
    model = shutil.copytree(plain.model, tmp_path / "dropping")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.5}))
    directory, record = measure("freeze", workload=plain.model_copy(update={"model": str(model)}))
    text = export(directory, "freeze", "trainer", tmp_path / "exported.py")
    losses, _ = run_script(tmp_path / "exported.py")
    assert record.measured
    assert losses == pytest.approx(record.measured.losses, rel=1e-5)
    assert "Dropout draws other random numbers" in text
