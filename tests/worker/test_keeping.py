"""What is kept of runs that two real processes share, each with parts of the model, on gloo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from bench.training.forward.padded import collate
from bench.workload.data.dataset import load_data
from tests.worker.test_meeting import runner, share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.records.record import RunRecord

__all__ = ["runner", "share"]


def logits_of(directory: Path, workload: WorkloadSpec) -> torch.Tensor:
    """Of the evaluation rows, by what was kept as a user loads it."""
    is_adapter = (directory / "adapter_config.json").exists()
    model = AutoModelForSequenceClassification.from_pretrained(workload.model if is_adapter else directory)
    if is_adapter:
        model = PeftModel.from_pretrained(model, directory)
    split = load_data(workload).evaluation
    with torch.no_grad():
        logits: torch.Tensor = model.eval().float()(**collate(split, range(len(split)), 0).inputs).logits
    return logits


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("full", 1e-4),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (
                *(("lora", 1e-4), ("pissa", 1e-4), ("schedule_free", 1e-4), ("accumulate:rows=3+gradual", 1e-4)),
                *(("freeze+frozen:weights=bf16+amp:dtype=bf16", 3e-2), ("amp:dtype=fp16", 1e-2)),
            )
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of peft
def test_parts_are_put_together_to_what_one_process_keeps(
    share: Callable[..., RunRecord], workload: WorkloadSpec, tmp_path: Path, text: str, tolerance: float
) -> None:
    alone = share(text, num=None, save_model=tmp_path / "alone", lr=1e-3)
    shared = share(f"{text}+shard", save_model=tmp_path / "shared", lr=1e-3)

    assert alone.measured is not None, alone.reason
    assert shared.measured is not None, shared.reason
    assert "not-saved" not in {flag.code for flag in (*alone.flags, *shared.flags)}, shared.flags
    files = [sorted(file.name for file in (tmp_path / one).iterdir()) for one in ("alone", "shared")]
    assert files[0] == files[1]
    assert ("adapter_config.json" in files[0]) == (text == "lora")
    (name,) = (file for file in files[0] if file.endswith(".safetensors"))
    tensors = [load_file(tmp_path / one / name) for one in ("alone", "shared")]
    types = [{key: (one.dtype, one.shape) for key, one in of_one.items()} for of_one in tensors]
    assert types[0] == types[1]
    found = logits_of(tmp_path / "shared", workload)
    assert found == pytest.approx(logits_of(tmp_path / "alone", workload), rel=tolerance, abs=tolerance)
    loss = torch.nn.functional.cross_entropy(found, torch.from_numpy(load_data(workload).evaluation.labels)).item()
    assert loss == pytest.approx(shared.measured.evaluation.loss, rel=tolerance)
    assert loss != pytest.approx(shared.measured.initial_loss, rel=1e-2)
