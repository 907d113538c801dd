from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
)

from bench.errors import Unsupported
from bench.measuring.flops import Extent, Shapes, count_flops
from bench.measuring.matmuls import PROBE_LENGTHS, read_shapes
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from transformers import PreTrainedModel

LENGTHS = (40, 33, 5)
NUM_LAYERS = 3


def wide_llama(attention: str) -> PreTrainedModel:
    """Attention is a tenth of its work."""
    config = LlamaConfig(  # type: ignore[call-arg]
        vocab_size=64,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=0,
        num_labels=2,
        use_cache=False,
        attn_implementation=attention,
    )
    return LlamaForSequenceClassification(config)


def small_llama(attention: str) -> PreTrainedModel:
    model = tiny_llama()
    model.set_attn_implementation(attention)
    return model


def bert(attention: str) -> PreTrainedModel:
    """Its norms stand behind the sums, its pooler and head run once per row, and it has dropout."""
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=64,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=4,
        num_labels=2,
        attn_implementation=attention,
    )
    return BertForSequenceClassification(config)


def gpt2(attention: str) -> PreTrainedModel:
    config = GPT2Config(  # type: ignore[call-arg]
        vocab_size=64,
        n_embd=48,
        n_layer=NUM_LAYERS,
        n_head=4,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
        num_labels=2,
        use_cache=False,
        attn_implementation=attention,
    )
    return GPT2ForSequenceClassification(config)


def let_train(model: PreTrainedModel, names: Collection[str]) -> dict[str, list[nn.Parameter]]:
    """Let these layers train alone; all parameters by layer."""
    by_name = dict(model.named_parameters())
    layers = {layer.name: [by_name[name] for name in layer.param_names] for layer in view_of(model).layers}
    for layer, params in layers.items():
        for param in params:
            param.requires_grad_(layer in names)
    return layers


def inputs_of(lengths: Sequence[int]) -> dict[str, torch.Tensor]:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"input_ids": mask.long() * 2, "attention_mask": mask.long()}


def loss_of(model: nn.Module, lengths: Sequence[int] = LENGTHS) -> torch.Tensor:
    return cross_entropy(model(**inputs_of(lengths)).logits, torch.zeros(len(lengths), dtype=torch.long))


def read(model: nn.Module, layers: dict[str, list[nn.Parameter]]) -> Shapes:
    return read_shapes(lambda: model(**inputs_of(PROBE_LENGTHS)), layers)


def recomputed(shapes: Shapes, lengths: Sequence[int] = LENGTHS) -> int:
    """FLOPs that fused attention, which keeps no scores, adds in backward: the first of its two matmuls again."""
    scores = [it for it in shapes.matmuls if it.weight is None][::2]
    return Shapes(tuple(it for it in scores if it.backward)).flops(Extent.padded(lengths)).forward


MODELS = pytest.mark.parametrize("make", [small_llama, wide_llama, bert, gpt2])
ATTENTIONS = pytest.mark.parametrize("attention", ["sdpa", "eager"])
TRAINED = pytest.mark.parametrize("num_trained", [1, 3, None], ids=["freeze", "freeze:last=2", "full"])


@MODELS
@ATTENTIONS
@TRAINED
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_formula_and_counter_agree(make: Any, attention: str, num_trained: int | None, mode: str) -> None:
    model = make(attention).train(mode == "train")
    shapes = read(model, let_train(model, view_of(model).names[-(num_trained or 99) :]))
    flops = shapes.flops(Extent.padded(LENGTHS))
    has_dropout = mode == "train" and make in {bert, gpt2}  # of which the fused kernel of a CPU is not capable
    again = recomputed(shapes) if attention == "sdpa" and not has_dropout else 0
    assert count_flops(lambda: loss_of(model)) == pytest.approx(flops.forward, rel=0.01)
    assert count_flops(lambda: loss_of(model).backward()) == pytest.approx(flops.useful + again, rel=0.01)


@MODELS
@TRAINED
def test_what_checkpoints_recompute_is_not_counted(make: Any, num_trained: int | None) -> None:
    model = make("sdpa").train()
    layers = let_train(model, view_of(model).names[-(num_trained or 99) :])
    before = read(model, layers)
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.disable_input_require_grads()
    assert read(model, layers) == before


def test_numbers_of_a_llama_by_hand() -> None:
    model = wide_llama("eager")
    layers = let_train(model, ["layer 2", "head"])
    shapes = read(model, layers)
    tokens, pairs = 3 * 40, 3 * 40**2
    linears = 2 * tokens * (48 * 48 + 2 * 48 * 24 + 48 * 48 + 3 * 48 * 80)
    attention = 2 * (2 * pairs * 48)
    head = 2 * tokens * 48 * 2
    flops = shapes.flops(Extent.padded(LENGTHS))
    assert flops.forward == 3 * (linears + attention) + head
    assert flops.backward == 2 * (linears + attention + head)
    assert flops.useful == flops.forward + flops.backward


def test_layers_whose_output_is_stored_cost_nothing() -> None:
    model = small_llama("sdpa")
    layers = let_train(model, ["head"])
    body = [name for name in layers if name != "head"]
    flops = read(model, layers).flops(Extent.padded(LENGTHS), cached=body)
    assert flops.forward == 2 * 120 * 16 * 2
    assert flops.backward == flops.forward  # of the weight: nothing below wants a gradient


class Adapted(nn.Module):
    """A frozen linear layer with a trained detour of rank 2."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(requires_grad=False)
        self.down = nn.Linear(base.in_features, 2, bias=False)
        self.up = nn.Linear(2, base.out_features, bias=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        adapted: torch.Tensor = self.base(inputs) + self.up(self.down(inputs))
        return adapted


@ATTENTIONS
def test_adapters_count_as_linear_layers_of_their_own(attention: str) -> None:
    model: Any = wide_llama(attention)
    layers = let_train(model, ["head"])
    for layer in model.model.layers:
        layer.self_attn.q_proj = Adapted(layer.self_attn.q_proj)
        layer.self_attn.v_proj = Adapted(layer.self_attn.v_proj)
    shapes = read(model, layers)
    flops = shapes.flops(Extent.padded(LENGTHS))
    again = recomputed(shapes) if attention == "sdpa" else 0
    assert count_flops(lambda: loss_of(model).backward()) == pytest.approx(flops.useful + again, rel=0.01)
    adapters = [matmul for matmul in shapes.matmuls if matmul.weight and 2 in matmul.weight[-2:]][:-1]
    assert [matmul.layer for matmul in adapters] == [f"layer {index}" for index in range(3) for _ in range(4)]
    lowest = adapters[:2]
    assert [matmul.backward for matmul in lowest] == [1, 2]  # nothing below the first one wants a gradient


def test_a_head_on_the_last_token_counts_per_row() -> None:
    """Pooled attention asks once per row, for all keys."""

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.key, self.head = nn.Linear(8, 8, bias=False), nn.Linear(8, 3, bias=False)

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            keys = self.key(states)[:, None]  # (rows, 1 head, tokens, width)
            pooled = nn.functional.scaled_dot_product_attention(states[:, None, -1:], keys, keys)
            logits: torch.Tensor = self.head(pooled[:, 0, 0])
            return logits

    model = Pooled()
    layers = {"body": list(model.key.parameters()), "head": list(model.head.parameters())}
    shapes = read_shapes(lambda: model(torch.ones(2, 13, 8)), layers)
    assert [matmul.per for matmul in shapes.matmuls] == ["token", "token", "token", "row"]
    counted = count_flops(lambda: model(torch.ones(4, 20, 8)).sum().backward())
    assert counted == shapes.flops(Extent.padded([20] * 4)).useful + recomputed(shapes, [20] * 4)


@pytest.mark.parametrize(
    "forward",
    [
        lambda: nn.functional.linear(torch.ones(7, 4), torch.ones(2, 4)),
        lambda: nn.functional.linear(torch.ones(7, 4), weight=torch.ones(2, 4)),
        lambda: nn.functional.linear(input=torch.ones(7, 4), weight=torch.ones(2, 4)),
        lambda: torch.ones(2, 13, 13) @ torch.ones(2, 13, 13),
    ],
    ids=["neither rows nor tokens", "the same by keyword", "the same by keywords", "as wide as long"],
)
def test_a_matmul_of_unknown_extent_is_refused(forward: Any) -> None:
    with pytest.raises(Unsupported, match="grows with neither"):
        read_shapes(forward, {"head": [nn.Parameter(torch.ones(1))]})


def test_a_matmul_that_the_formula_does_not_see_is_refused() -> None:
    with pytest.raises(Unsupported, match="0 were read from this model's forward pass, 16640 counted"):
        read_shapes(
            lambda: torch.einsum("bik,kj->bij", torch.ones(2, 13, 20), torch.ones(20, 16)),
            {"head": [nn.Parameter(torch.ones(1))]},
        )


def test_reading_leaves_the_random_state_alone() -> None:
    model = bert("sdpa").train()
    layers = let_train(model, ["head"])
    before = torch.get_rng_state()
    read(model, layers)
    assert torch.equal(before, torch.get_rng_state())
