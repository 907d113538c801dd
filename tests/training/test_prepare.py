from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedModel,
)

from bench.errors import UsageError
from bench.plan import TrainPlan, TransformStage, throughout
from bench.training.layer_rates import layer_rates
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared

    Prepare = Callable[..., Prepared]

CPU = torch.device("cpu")
SPLIT = toy_split(12)


@dataclass(frozen=True)
class RenameAndAdd:
    """What adapter libraries do: wrap a linear layer, which renames it, and add parameters."""

    stage: TransformStage = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        attention = model.get_submodule("model.layers.3.self_attn")
        attention.q_proj = Adapted(attention.q_proj)
        return model


class Adapted(nn.Module):
    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Linear(16, 2, bias=False)
        self.up = nn.Linear(2, 16, bias=False)
        self.idle = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.base(hidden) + self.up(self.down(hidden))


def in_training_mode(model: nn.Module) -> set[str]:
    return {name for name, module in model.named_modules() if module.training}


def gpt2() -> PreTrainedModel:
    sizes = {"n_embd": 16, "n_layer": 3, "n_head": 2, "vocab_size": 64, "n_positions": 32}
    return GPT2ForSequenceClassification(GPT2Config(**sizes, pad_token_id=0))


def bert() -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForSequenceClassification(BertConfig(**sizes, vocab_size=64))


def test_only_what_may_train_is_in_the_optimizer_and_requires_a_gradient(prepared: Prepare) -> None:
    ready = prepared("freeze:last=1")
    in_optimizer = {id(param) for group in ready.optimizer.param_groups for param in group["params"]}
    trainable = {name for name, param in ready.model.named_parameters() if param.requires_grad}
    assert in_optimizer == {id(param) for param in ready.model.parameters() if param.requires_grad}
    assert all(name.startswith(("model.layers.3.", "model.norm.", "score.")) for name in trainable)
    assert ready.num_trainable_params(ready.plan.phases.ever()) == sum(
        p.numel() for p in ready.model.parameters() if p.requires_grad
    )


def test_what_trains_is_copied_out_of_the_file_it_came_from(prepared: Prepare) -> None:
    model = tiny_llama()
    before = {name: param.data_ptr() for name, param in model.named_parameters()}
    ready = prepared("freeze:last=1", model)
    moved = {name for name, param in ready.model.named_parameters() if param.data_ptr() != before[name]}
    assert moved == {name for name, param in ready.model.named_parameters() if param.requires_grad}


def test_norms_and_biases_do_not_decay(prepared: Prepare) -> None:
    ready = prepared("full", bert())
    decays = {param: group["weight_decay"] for group in ready.optimizer.param_groups for param in group["params"]}
    assert all((decay > 0) == (param.ndim > 1) for param, decay in decays.items())


def test_groups_carry_the_resolved_rates(prepared: Prepare) -> None:
    ready = prepared("discriminative:body=1e-5:head=5e-5")
    rates = {param: group["lr"] for group in ready.optimizer.param_groups for param in group["params"]}
    assert rates[ready.model.get_parameter("score.weight")] == pytest.approx(5e-5)
    assert rates[ready.model.get_parameter("model.embed_tokens.weight")] == 1e-5


def test_frozen_layers_build_no_graph(prepared: Prepare) -> None:
    ready = prepared("freeze:last=1")
    outputs: dict[str, torch.Tensor] = {}
    for number in (0, 2, 3):
        layer = ready.model.get_submodule(f"model.layers.{number}")
        layer.register_forward_hook(lambda _m, _i, out, number=number: outputs.__setitem__(str(number), out))
    ready.logits(ready.batch(SPLIT, [0, 1]))
    assert [outputs[number].requires_grad for number in ("0", "2", "3")] == [False, False, True]


@pytest.mark.parametrize("make", [bert, gpt2], ids=["bert", "gpt2"])
def test_dropout_is_off_in_what_is_frozen(prepared: Prepare, make: Callable[[], PreTrainedModel]) -> None:
    ready = prepared("freeze:last=1", make())
    embeddings = "bert.embeddings.dropout" if make is bert else "transformer.drop"
    layers = "bert.encoder.layer" if make is bert else "transformer.h"
    training = in_training_mode(ready.model)
    assert embeddings not in training
    assert not any(name.startswith((f"{layers}.0", f"{layers}.1")) for name in training)
    assert any(name.startswith(f"{layers}.2") for name in training)
    full = prepared("full", make())
    assert all(module.training for module in full.model.modules())
    full.model.eval()
    full.training_mode()
    assert embeddings in in_training_mode(full.model)


def test_a_transform_may_rename_known_parameters_and_introduce_others() -> None:
    model = tiny_llama()
    view = view_of(model)
    plan = TrainPlan(phases=throughout({"head"}), transforms=(RenameAndAdd(),))
    ready = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
    trainable = {name for name, param in ready.model.named_parameters() if param.requires_grad}
    prefix = "model.layers.3.self_attn.q_proj"
    assert trainable == {"score.weight", f"{prefix}.down.weight", f"{prefix}.up.weight"}
    rates = {rate.layer: rate for rate in layer_rates(ready)}
    assert rates["adapters"].lr == TOY_RATES.adapters
    assert rates["adapters"].num_trainable_params == 64
    assert rates["adapters"].num_params == 67
    assert rates["layer 3"].lr is None
    assert rates["head"].lr == pytest.approx(TOY_RATES.head)
    assert sum(rate.num_params for rate in rates.values()) == ready.num_params
    assert ready.num_trainable_params(plan.phases.ever()) == 64 + rates["head"].num_params


def test_weights_may_be_stored_in_bf16() -> None:
    model = tiny_llama()
    view = view_of(model)
    plan = TrainPlan(phases=throughout(view.names), weights="bf16")
    ready = prepare(model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
    assert {param.dtype for param in ready.model.parameters()} == {torch.bfloat16}
    schedule = Schedule(epochs=[[np.arange(8)] * 5])
    trained = train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
    assert trained.losses[-1] < trained.losses[0]


def test_a_plan_that_trains_nothing_is_refused() -> None:
    model = tiny_llama()
    plan = TrainPlan(phases=throughout(()))
    with pytest.raises(UsageError, match="trains nothing"):
        prepare(model, view_of(model), plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=CPU, weight_decay=0.0)
