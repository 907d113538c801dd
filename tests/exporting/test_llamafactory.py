"""What is written for LLaMA-Factory has its own names for everything, and says what it cannot say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from transformers import Seq2SeqTrainingArguments

from bench.errors import UsageError
from bench.exporting.export import export
from tests.exporting.llamafactory_arguments import CHOICES, DATA, DATA_COLUMNS, FINETUNING, MODEL, TEMPLATES, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord

    Measure = Callable[..., tuple[Path, RunRecord]]

OF_TRAINER = frozenset(Seq2SeqTrainingArguments.__dataclass_fields__)

METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lora:r=4+lora_plus": (
        {"lr": None},
        {
            "finetuning_type": "lora",
            "lora_rank": 4,
            "lora_alpha": 8,
            "lora_target": "q_proj,v_proj",
            "learning_rate": 2e-4,
        }
        | {"loraplus_lr_ratio": 16.0, "lr_scheduler_type": "linear", "num_train_epochs": 2, "warmup_steps": 1},
    ),
}
SLOW_METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "freeze:last=2": (
        {"micro_batch_size": 3, "steps": 5},
        {"finetuning_type": "freeze", "freeze_trainable_layers": 2, "per_device_train_batch_size": 2, "max_steps": 5}
        | {"gradient_accumulation_steps": 4, "learning_rate": 1e-3, "disable_gradient_checkpointing": True},
    ),
    "full+amp:dtype=bf16": ({}, {"finetuning_type": "full", "bf16": True, "optim": "adamw_torch_fused", "seed": 0}),
    "discriminative+checkpoint": ({}, {"finetuning_type": "full", "learning_rate": 1e-3, "use_reentrant_gc": False}),
    "dora+accumulate:rows=2": (
        {},
        {"use_dora": True, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 4},
    ),
    "rslora": ({}, {"use_rslora": True}),
    "pissa": ({}, {"pissa_init": True, "pissa_iter": -1}),
    "qlora": ({}, {"quantization_bit": 4, "quantization_type": "nf4", "double_quantization": True}),
    "full+neftune": ({}, {"neftune_noise_alpha": 5.0}),
}


@pytest.mark.parametrize("strategy", [*METHODS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_METHODS)])
def test_arguments_are_those_of_llamafactory(measure: Measure, tmp_path: Path, strategy: str) -> None:
    changes, expected = (METHODS | SLOW_METHODS)[strategy]
    directory, record = measure(strategy, "llama", **changes)
    (tmp_path / "dataset_info.json").write_text('{"identity": {"file_name": "identity.json"}}')
    text = export(directory, strategy, "llamafactory", tmp_path / "mine.yaml")
    arguments = yaml.safe_load(text)

    assert f"arguments of {VERSION}" in text
    assert not arguments.keys() - (MODEL | DATA | FINETUNING | OF_TRAINER)
    assert {name: value for name, value in arguments.items() if name in expected} == expected
    assert all(arguments[name] in choices for name, choices in CHOICES.items() if name in arguments)
    assert arguments["template"] in TEMPLATES
    assert not isinstance(arguments["learning_rate"], str)
    assert "It has no classification" in text

    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert list(info) == ["identity", "mine-train", "mine-eval"]
    entry = info[arguments["dataset"]]
    assert entry["columns"].keys() <= DATA_COLUMNS
    rows = [json.loads(line) for line in (tmp_path / entry["file_name"]).read_text().splitlines()]
    assert len(rows) == record.spec.workload.train_samples
    assert rows[0].keys() == set(entry["columns"].values())


@pytest.mark.parametrize(
    ("strategy", "model", "said"),
    [
        ("freeze", "llama", "has no head, and nothing else trains"),
        pytest.param("full", "bert", "causal language models, and bert is none", marks=pytest.mark.slow),
        pytest.param("llrd", "llama", "one rate for .* they are 0.000729 to 0.001", marks=pytest.mark.slow),
        pytest.param("ia3", "llama", "of peft's adapters it has LoRA.*IA3Config", marks=pytest.mark.slow),
        pytest.param("norm_only", "llama", "freezes whole layers.*norms and the head train", marks=pytest.mark.slow),
        pytest.param("adafactor", "llama", "cannot say its optimizer", marks=pytest.mark.slow),
    ],
)
def test_what_it_cannot_do_is_refused(measure: Measure, strategy: str, model: str, said: str) -> None:
    directory, _ = measure(strategy, model)
    with pytest.raises(UsageError, match=said) as refused:
        export(directory, strategy, "llamafactory")
    assert "\n" not in str(refused.value)
