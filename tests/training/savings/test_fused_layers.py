from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers.models.llama import modeling_llama

from bench.training.savings.fused_layers import fuse_layers
from bench.workload.toy import tiny_llama
from tests.gpu_kernels import as_on_a_gpu

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn
    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

IDS = torch.arange(3, 15).view(2, 6)


def outputs_and_gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    logits = model(input_ids=IDS).logits
    logits.float().pow(2).sum().backward()
    return {"logits": logits.detach(), **{name: param.grad for name, param in model.named_parameters()}}


@pytest.mark.parametrize(
    ("name", "norms", "rotary"),
    [
        ("Llama", True, True),
        ("Qwen2", True, True),
        ("Mistral", True, True),
        ("Gemma2", False, True),  # its norms add 1 to their weights
        ("ModernBert", False, True),
        ("GPT2", False, False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_layers_compute_as_their_own_classes_do(
    classifier: Classifier, name: str, norms: bool, rotary: bool, dtype: torch.dtype
) -> None:
    model, plain = classifier(name), classifier(name)
    fuse_layers(model)
    classes = {type(module).__name__ for module in model.modules()}
    assert any(kind.startswith("Fused") and kind.endswith("Norm") for kind in classes) == norms
    assert any(kind.startswith("Fused") and "Attention" in kind for kind in classes) == rotary
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        wanted = outputs_and_gradients(plain)
        with as_on_a_gpu():
            found = outputs_and_gradients(model)
    for key, one in wanted.items():
        most = float(one.abs().max())
        torch.testing.assert_close(
            found[key], one, rtol=0, atol=(1e-5 if dtype == torch.float32 else 0.05) * most, msg=key
        )


def test_nothing_changes_for_other_models() -> None:
    attention, norm, rotary = (
        modeling_llama.LlamaAttention,
        modeling_llama.LlamaRMSNorm,
        modeling_llama.apply_rotary_pos_emb,
    )
    before = attention.forward, norm.forward
    fuse_layers(tiny_llama())
    assert (attention.forward, norm.forward) == before
    assert attention.forward.__globals__["apply_rotary_pos_emb"] is rotary is modeling_llama.apply_rotary_pos_emb
    assert {type(module) for module in tiny_llama().modules()} >= {attention, norm}


def test_a_class_that_computes_something_else_stays() -> None:
    class OtherRMSNorm(modeling_llama.LlamaRMSNorm):
        def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
            return super().forward(hidden_states) + 0.001

    class OtherAttention(modeling_llama.LlamaAttention):
        pass

    model = tiny_llama()
    model.model.norm.__class__ = OtherRMSNorm
    model.model.layers[0].self_attn.__class__ = OtherAttention
    fuse_layers(model)
    assert type(model.model.norm) is OtherRMSNorm
    assert type(model.model.layers[0].self_attn) is not OtherAttention, "it turns as its base class does"
