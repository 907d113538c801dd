from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

from bench import registry
from bench.build import prepare
from bench.compose import compose
from bench.plan import Phase, TrainPlan
from bench.spec import parse_strategy
from bench.testing import TOY_RATES, toy_split
from bench.trainer import Schedule, train
from bench.workload.view import view_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.prepared import Prepared
    from bench.trainer import Trained

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
NUM_TOKENS = 500
SPLIT = toy_split(20)
UNSEEN = NUM_TOKENS - 1


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForSequenceClassification(LlamaConfig(vocab_size=NUM_TOKENS, **SIZES))


def bert() -> PreTrainedModel:
    torch.manual_seed(0)
    without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForSequenceClassification(BertConfig(vocab_size=NUM_TOKENS, **SIZES, **without_dropout))


def ready(model: PreTrainedModel, strategy: str, **changes: Any) -> Prepared:
    view = view_of(model)
    plan = compose([registry.load(term) for term in parse_strategy(strategy)], view)
    return apply(model, TrainPlan(**{name: getattr(plan, name) for name in plan.__slots__} | changes))


def apply(model: PreTrainedModel, plan: TrainPlan) -> Prepared:
    device = torch.device("cpu")
    return prepare(
        model, view_of(model), plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=device, weight_decay=0.1
    )


def run(prepared: Prepared) -> Trained:
    schedule = Schedule(epochs=[[np.arange(10), np.arange(10, 20)]] * 3)
    return train(prepared, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)


def without(monkeypatch: pytest.MonkeyPatch, strategy: str, make: Callable[[], PreTrainedModel]) -> Prepared:
    """Let the whole table learn, as it does in any other trainer."""
    with monkeypatch.context() as patch:
        patch.setattr("bench.build.token_rows", lambda *_, **__: None)
        return ready(make(), strategy)


def table(prepared: Prepared) -> torch.Tensor:
    model: Any = prepared.model
    weight: torch.Tensor = model.get_input_embeddings().weight
    return weight


def num_states(prepared: Prepared) -> int:
    states = (value for state in prepared.optimizer.state.values() for value in state.values())
    return sum(value.numel() for value in states if value.ndim > 1)


@pytest.mark.parametrize("make", [llama, bert])
@pytest.mark.parametrize("strategy", ["full", "llrd:decay=0.5", "amp:dtype=bf16", "amp:dtype=fp16", "checkpoint"])
def test_what_is_learnt_is_the_same(
    monkeypatch: pytest.MonkeyPatch, strategy: str, make: Callable[[], PreTrainedModel]
) -> None:
    whole, apart = without(monkeypatch, strategy, make), ready(make(), strategy)
    before = table(apart).clone()

    wanted, found = run(whole), run(apart)

    assert found.losses == pytest.approx(wanted.losses, rel=1e-6)
    torch.testing.assert_close(table(apart), table(whole), rtol=1e-6, atol=1e-7)
    assert (table(apart)[UNSEEN] != before[UNSEEN]).any(), "weights decay"
    tokens = len(np.union1d(SPLIT.tokens, [0]))
    spared = (NUM_TOKENS - tokens) * 16
    assert num_states(whole) - num_states(apart) == 2 * (spared - 16)  # a row more decays for all others
    assert apart.spared_bytes == 3 * 4 * spared
    assert apart.num_trainable_params == whole.num_trainable_params == apart.num_params


def test_other_tokens_are_looked_up_where_nothing_learns_and_are_an_error_elsewhere() -> None:
    model = llama()
    run(ready(model, "full"))
    embeddings, ids = model.get_input_embeddings(), torch.tensor([[UNSEEN]])

    with torch.no_grad():
        assert torch.equal(embeddings(ids)[0, 0], embeddings.weight[UNSEEN])
    with pytest.raises(IndexError):
        embeddings(ids)


def test_a_table_may_begin_to_learn_later(monkeypatch: pytest.MonkeyPatch) -> None:
    names = view_of(llama()).names
    plan = TrainPlan(phases=(Phase(0, frozenset({names[-1]})), Phase(1, frozenset(names))))
    apart = apply(llama(), plan)
    monkeypatch.setattr("bench.build.token_rows", lambda *_, **__: None)
    whole = apply(llama(), plan)

    assert run(apart).losses == pytest.approx(run(whole).losses, rel=1e-6)
    torch.testing.assert_close(table(apart), table(whole), rtol=1e-6, atol=1e-7)
    assert apart.spared_bytes > 0


def tied() -> PreTrainedModel:
    model = llama()
    model.add_module("output", torch.nn.Linear(16, NUM_TOKENS, bias=False))
    model.output.weight = model.get_input_embeddings().weight
    return model


def small() -> PreTrainedModel:
    return LlamaForSequenceClassification(LlamaConfig(vocab_size=len(np.union1d(SPLIT.tokens, [0])) + 40, **SIZES))


@pytest.mark.parametrize(("make", "strategy", "changes"), [
    (llama, "freeze:last=1", {}),
    (tied, "full", {}),
    (small, "full", {}),
    (llama, "full", {"optimizer": lambda groups: torch.optim.SGD([dict(group) for group in groups], lr=0.1)}),
    (llama, "full", {"after_step": (lambda _model, _step: None,)}),
], ids=["frozen", "used elsewhere", "mostly in use", "optimizer of a strategy", "hook of a strategy"])  # fmt: skip
def test_a_table_stays_whole(make: Callable[[], PreTrainedModel], strategy: str, changes: dict[str, Any]) -> None:
    prepared = ready(make(), strategy, **changes)

    assert prepared.spared_bytes == 0
    assert {id(param) for param in prepared.trained} <= {id(param) for param in prepared.model.parameters()}
