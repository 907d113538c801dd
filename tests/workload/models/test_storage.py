"""A checkpoint in half precision stays as it is stored, and is what loading it in fp32 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bench.training.forward.initial_loss import initial_loss
from bench.workload.models.fitting import fit_head
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.models.storage import computing_in_fp32, stored_dtype
from bench.workload.toy import save_tiny_llama, toy_split
from tests.applied import applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

SPLIT = toy_split(12)
SIZES = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4, "pad_token_id": 0}
OTHERS: dict[str, dict[str, object]] = {
    "Llama": {"intermediate_size": 32, "num_key_value_heads": 2},
    "Gemma2": {"intermediate_size": 32, "num_key_value_heads": 2, "head_dim": 8},
    "Bert": {"intermediate_size": 32},
    "Roberta": {"intermediate_size": 32},
    "GPT2": {},
    "DistilBert": {"hidden_dim": 32},
}


def loaded_in_fp32(folder: Path, *, seed: int = 0) -> Any:
    """The way of before: everything is made fp32 as it is read."""
    torch.manual_seed(seed)
    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, num_labels=2, ignore_mismatched_sizes=True, output_loading_info=True
    )
    fit_head(model, ("0", "1"), "none", missing=set(info["missing_keys"]), mismatched=set(info["mismatched_keys"]))
    model.config.use_cache, model.config.pad_token_id = False, 0
    return model


def classifier(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES, **OTHERS[name])
    model: PreTrainedModel = getattr(transformers, f"{name}ForSequenceClassification")(config)
    return model


@pytest.fixture
def half(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny checkpoint, with a head or without one."""

    def write(name: str, dtype: torch.dtype, *, head: bool = False) -> Path:
        model = classifier(name)
        (model if head else model.base_model).to(dtype).save_pretrained(tmp_path / "half")
        save_tiny_llama(tmp_path / "other")
        AutoTokenizer.from_pretrained(tmp_path / "other").save_pretrained(tmp_path / "half")
        return tmp_path / "half"

    return write


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("name", ["Llama", "Bert", "GPT2", "Gemma2", "Roberta"])
def test_values_are_those_of_loading_in_fp32(
    half: Callable[..., Path], name: str, dtype: torch.dtype, *, head: bool
) -> None:
    folder = half(name, dtype, head=head)
    loaded = load_model(str(folder), labels=("0", "1"), seed=3, head="fresh")
    wanted = dict(loaded_in_fp32(folder, seed=3).named_parameters())
    found = dict(loaded.model.named_parameters())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key].float(), wanted[key]) for key in found)
    assert {found[key].dtype for key in loaded.fresh} == {torch.float32}
    assert {found[key].dtype for key in found.keys() - loaded.fresh} == {dtype}
    buffers = dict(loaded_in_fp32(folder).named_buffers())
    assert all(torch.equal(buffer, buffers[key]) for key, buffer in loaded.model.named_buffers())


def test_the_files_tell_the_type_and_config_json_does_not(half: Callable[..., Path]) -> None:
    folder = half("Llama", torch.bfloat16)
    weights = folder / "model.safetensors"
    assert stored_dtype([weights]) == torch.bfloat16
    tensors = load_file(weights)
    tensors["model.norm.weight" if "model.norm.weight" in tensors else "norm.weight"] = torch.rand(16)
    save_file(tensors, weights, {"format": "pt"})
    assert stored_dtype([weights]) == torch.float32
    loaded = load_model(str(folder), labels=("0", "1"), seed=0).model
    assert {param.dtype for param in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.get_parameter("model.norm.weight"), tensors["norm.weight"])


@pytest.mark.parametrize("name", ["Llama", "Bert", "GPT2", "Gemma2", "DistilBert"])
def test_the_initial_loss_and_the_view_are_those_of_fp32(half: Callable[..., Path], name: str) -> None:
    folder = half(name, torch.bfloat16)
    model = load_model(str(folder), labels=("0", "1"), seed=0).model
    wanted = loaded_in_fp32(folder)
    before = {key: (param.dtype, param.data_ptr()) for key, param in model.named_parameters()}
    rows = np.arange(len(SPLIT))
    assert initial_loss(model, SPLIT, rows, 0) == initial_loss(wanted, SPLIT, rows, 0)
    assert {key: (param.dtype, param.data_ptr()) for key, param in model.named_parameters()} == before
    fresh = [key for key, param in model.named_parameters() if param.dtype == torch.float32]
    assert view_of(model, fresh) == view_of(wanted, fresh)


@pytest.mark.parametrize("spec", ["full", "freeze:last=1", "freeze+cached"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_are_those_of_loading_in_fp32(half: Callable[..., Path], spec: str, dtype: torch.dtype) -> None:
    folder = half("Llama", dtype)
    losses = []
    for model in (load_model(str(folder), labels=("0", "1"), seed=0).model, loaded_in_fp32(folder)):
        torch.manual_seed(1)
        losses.append(train_ragged(applied(spec, model)).losses)
    assert losses[0] == losses[1]


def test_weights_are_back_after_a_failure() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 3)).to(torch.bfloat16)
    with pytest.raises(RuntimeError), computing_in_fp32(model):
        model(torch.ones(1, 2))
    assert {param.dtype for param in model.parameters()} == {torch.bfloat16}
