"""Every architecture is cut into embeddings, layers and head, and no parameter is lost or counted twice."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from bench.errors import ModelError
from bench.workload.models.layers import view_of

SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
DECODER = SMALL | {"num_key_value_heads": 1}
DEBERTA = SMALL | {
    "relative_attention": True,
    "position_buckets": 4,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "conv_kernel_size": 3,
    "pooler_hidden_size": 16,
}

# Model type, configuration, and parts of parameters' names that stand in the embeddings, the last layer and the head.
ARCHITECTURES: list[tuple[str, dict[str, Any], set[str], set[str], set[str]]] = [
    ("llama", DECODER, {"embed_tokens"}, {"layers.2", "model.norm"}, {"score"}),
    ("mistral", DECODER, {"embed_tokens"}, {"layers.2", "model.norm"}, {"score"}),
    ("qwen2", DECODER, {"embed_tokens"}, {"layers.2", "model.norm"}, {"score"}),
    ("gemma", DECODER | {"head_dim": 8}, {"embed_tokens"}, {"layers.2", "model.norm"}, {"score"}),
    (
        "gpt2",
        {"vocab_size": 40, "n_embd": 16, "n_layer": 3, "n_head": 2, "pad_token_id": 0},
        {"wte", "wpe"},
        {"h.2", "ln_f"},
        {"score"},
    ),
    ("bert", SMALL, {"embeddings"}, {"layer.2", "pooler"}, {"classifier"}),
    ("roberta", SMALL | {"pad_token_id": 1}, {"embeddings"}, {"layer.2"}, {"classifier"}),
    (
        "distilbert",
        {"vocab_size": 40, "dim": 16, "hidden_dim": 24, "n_layers": 3, "n_heads": 2},
        {"embeddings"},
        {"layer.2"},
        {"pre_classifier", "classifier"},
    ),
    (
        "deberta-v2",
        DEBERTA,
        {"deberta.embeddings", "rel_embeddings", "encoder.LayerNorm"},
        {"layer.2"},
        {"pooler", "classifier"},
    ),
    ("modernbert", SMALL, {"embeddings"}, {"layers.2", "final_norm"}, {"head", "classifier"}),
    (
        "electra",
        SMALL | {"embedding_size": 8},
        {"embeddings", "embeddings_project"},
        {"layer.2"},
        {"classifier"},
    ),
    (
        "opt",
        SMALL | {"ffn_dim": 24, "word_embed_proj_dim": 8, "pad_token_id": 1},
        {"embed_tokens", "embed_positions", "project_in"},
        {"layers.2", "final_layer_norm", "project_out"},
        {"score"},
    ),
]


def build(kind: str, options: dict[str, Any]) -> Any:
    return AutoModelForSequenceClassification.from_config(AutoConfig.for_model(kind, num_labels=3, **options))


@pytest.mark.parametrize(
    ("kind", "options", "embeddings", "last", "head"), ARCHITECTURES, ids=[row[0] for row in ARCHITECTURES]
)
def test_an_architecture_is_cut_into_its_layers(
    kind: str, options: dict[str, Any], embeddings: set[str], last: set[str], head: set[str]
) -> None:
    model = build(kind, options)
    view = view_of(model)
    params = dict(model.named_parameters())
    assert view.names == ("embeddings", "layer 0", "layer 1", "layer 2", "head")
    assert sorted(name for layer in view.layers for name in layer.param_names) == sorted(params)
    assert all(layer.num_params == sum(params[name].numel() for name in layer.param_names) for layer in view.layers)
    for layer, expected in zip((view.layers[0], *view.layers[3:]), (embeddings, last, head), strict=True):
        assert {part for part in expected if any(part in name for name in layer.param_names)} == expected
        assert all(any(part in name for part in expected) for name in layer.param_names)
    assert all(".1." in name for name in view.layers[2].param_names)


def test_linears_are_those_outside_the_head() -> None:
    llama = [linear.name for linear in view_of(build("llama", DECODER)).linears]
    assert len(llama) == 3 * 7
    assert "model.layers.2.self_attn.q_proj" in llama
    gpt2 = {linear.name: linear for linear in view_of(build("gpt2", ARCHITECTURES[4][1])).linears}
    width = gpt2["transformer.h.0.attn.c_attn"].shape[1]
    assert gpt2["transformer.h.0.attn.c_attn"].shape == (3 * width, width)
    assert gpt2["transformer.h.1.mlp.c_fc"].layer == "layer 1"
    assert not [linear for linear in view_of(build("bert", SMALL)).linears if "classifier" in linear.name]


def test_fresh_parameters_inside_the_body_belong_to_the_head() -> None:
    fresh = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    view = view_of(build("bert", SMALL), fresh)
    assert fresh < set(view.layers[-1].param_names)
    assert "bert.pooler.dense" not in [linear.name for linear in view.linears]


def test_a_shared_parameter_appears_once() -> None:
    model = build("llama", DECODER)
    layers = model.base_model.layers
    layers[2].mlp.up_proj.weight = layers[0].mlp.up_proj.weight
    view = view_of(model)
    assert "model.layers.0.mlp.up_proj.weight" in view.layers[1].param_names
    assert "model.layers.2.mlp.up_proj.weight" not in view.layers[3].param_names
    assert view.num_params == sum(param.numel() for param in model.parameters())


def test_looking_changes_nothing() -> None:
    model = build("bert", SMALL)
    model.train()
    model.base_model.pooler.eval()
    state, training = torch.get_rng_state(), [module.training for module in model.modules()]
    view_of(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == training
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(param.grad is None for param in model.parameters())


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("albert", SMALL | {"embedding_size": 8}, "no list of 3 layers"),
        ("bart", {"vocab_size": 40, "d_model": 16}, "an encoder and a decoder"),
        ("funnel", {"vocab_size": 40, "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 24}, "no list of"),
    ],
)
def test_an_architecture_that_cannot_be_cut_is_refused(kind: str, options: dict[str, Any], reason: str) -> None:
    if kind == "bart":
        options = options | {
            f"{side}_{part}": 2 for side in ("encoder", "decoder") for part in ("layers", "attention_heads", "ffn_dim")
        }
    with pytest.raises(ModelError, match=rf"cannot tell .* apart: .*{reason}"):
        view_of(build(kind, options))


def test_layers_that_run_twice_are_refused() -> None:
    model = build("llama", DECODER)
    layers = model.base_model.layers
    layers[2] = layers[0]
    with pytest.raises(ModelError, match="do not run once each, in order"):
        view_of(model)


def test_two_lists_of_layers_are_refused() -> None:
    model = build("llama", DECODER)
    model.base_model.more = torch.nn.ModuleList(torch.nn.Identity() for _ in range(3))
    with pytest.raises(ModelError, match="it has 2 lists of 3 layers"):
        view_of(model)


def test_a_model_without_a_head_is_refused() -> None:
    base = build("llama", DECODER).base_model
    with pytest.raises(ModelError, match="no base model apart from its head"):
        view_of(base)
    model = build("llama", DECODER)
    model.score = torch.nn.Identity()
    with pytest.raises(ModelError, match="no parameter outside its base model"):
        view_of(model)


def test_a_model_that_does_not_run_is_refused() -> None:
    model = build("llama", DECODER)
    model.base_model.embed_tokens = torch.nn.Embedding(1, 16)
    with pytest.raises(ModelError, match="does not run on two tokens"):
        view_of(model)


def test_every_parameter_is_of_a_kind_and_the_bias_of_a_norm_of_two() -> None:
    view = view_of(build("bert", SMALL), num_steps=7, num_epochs=2)
    kinds = {param.name: param.kinds for layer in view.layers for param in layer.params}
    assert kinds["bert.embeddings.word_embeddings.weight"] == {"embedding"}
    assert kinds["bert.embeddings.LayerNorm.weight"] == {"norm"}
    assert kinds["bert.encoder.layer.0.output.LayerNorm.bias"] == {"norm", "bias"}
    assert kinds["bert.encoder.layer.0.attention.self.query.weight"] == {"weight"}
    assert kinds["bert.encoder.layer.0.attention.self.query.bias"] == {"bias"}
    assert (view.model_type, view.num_steps, view.num_epochs, view.tied) == ("bert", 7, 2, ())


def test_tied_weights_are_one_parameter_of_several_names() -> None:
    model = build("bert", SMALL)
    layers = model.bert.encoder.layer
    layers[1].output.dense.weight = layers[0].output.dense.weight
    assert view_of(model).tied == (tuple(f"bert.encoder.layer.{number}.output.dense.weight" for number in range(2)),)
