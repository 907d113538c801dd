from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

from bench.errors import PlanConflict, Unsupported
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import Edit, InTurn, Trainable, TrainPlan, throughout
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, toy_split
from strategies.freeze import Freeze
from strategies.seen_embeddings import SeenEmbeddings

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.plan import ModelView, Strategy
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained

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


def table(prepared: Prepared) -> torch.Tensor:
    model: Any = prepared.model
    weight: torch.Tensor = model.get_input_embeddings().weight
    return weight


def num_states(prepared: Prepared) -> int:
    states = (value for state in prepared.optimizer.state.values() for value in state.values())
    return sum(value.numel() for value in states if value.ndim > 1)


@pytest.mark.parametrize("make", [llama, bert])
@pytest.mark.parametrize("strategy", ["full", "llrd:decay=0.5", "amp:dtype=bf16", "amp:dtype=fp16", "checkpoint"])
def test_what_is_learnt_is_the_same(strategy: str, make: Callable[[], PreTrainedModel]) -> None:
    whole, apart = ready(make(), strategy), ready(make(), f"{strategy}+seen_embeddings")
    before = table(apart).clone()

    wanted, found = run(whole), run(apart)

    assert found.losses == pytest.approx(wanted.losses, rel=1e-6)
    torch.testing.assert_close(table(apart), table(whole), rtol=1e-6, atol=1e-7)
    assert (table(apart)[UNSEEN] != before[UNSEEN]).any(), "weights decay"
    tokens = len(np.union1d(SPLIT.tokens, [0]))
    assert num_states(whole) - num_states(apart) == 2 * (NUM_TOKENS - tokens - 1) * 16  # a row decays for all others
    assert (whole.plan.seen_embeddings, apart.plan.seen_embeddings) == (False, True)
    assert apart.num_trainable_params(apart.plan.phases.ever()) == apart.num_params


def test_other_tokens_are_looked_up_where_nothing_learns_and_are_an_error_elsewhere() -> None:
    model = llama()
    run(ready(model, "seen_embeddings"))
    embeddings, ids = model.get_input_embeddings(), torch.tensor([[UNSEEN]])

    with torch.no_grad():
        assert torch.equal(embeddings(ids)[0, 0], embeddings.weight[UNSEEN])
    with pytest.raises(IndexError):
        embeddings(ids)


def test_a_table_may_begin_to_learn_later() -> None:
    names = view_of(llama()).names
    phases = InTurn(((0.0, Trainable(frozenset({names[-1]}))), (0.5, Trainable(frozenset(names)))))
    whole, apart = (apply(llama(), TrainPlan(phases=phases, seen_embeddings=asked)) for asked in (False, True))

    assert run(apart).losses == pytest.approx(run(whole).losses, rel=1e-6)
    torch.testing.assert_close(table(apart), table(whole), rtol=1e-6, atol=1e-7)
    assert num_states(apart) < num_states(whole)


def tied() -> PreTrainedModel:
    model = llama()
    model.add_module("output", torch.nn.Linear(16, NUM_TOKENS, bias=False))
    model.output.weight = model.get_input_embeddings().weight
    return model


def small() -> PreTrainedModel:
    return LlamaForSequenceClassification(LlamaConfig(vocab_size=len(np.union1d(SPLIT.tokens, [0])) + 40, **SIZES))


def scaled() -> PreTrainedModel:
    class Scaled(torch.nn.Embedding):
        """Gemma's, for one, multiplies what it looks up."""

    model = llama()
    model.set_input_embeddings(Scaled(NUM_TOKENS, 16))
    return model


def by_frequency() -> PreTrainedModel:
    model = llama()
    model.get_input_embeddings().scale_grad_by_freq = True
    return model


def hidden() -> PreTrainedModel:
    model = llama()

    def refuse() -> None:
        raise NotImplementedError

    model.get_input_embeddings = refuse
    return model


@pytest.mark.parametrize(("make", "reason"), [
    (tied, r"shared by model.embed_tokens and output"),
    (small, r"the training rows have \d+ of the \d+ tokens, over half of them"),
    (scaled, "is a Scaled, not a plain nn.Embedding"),
    (by_frequency, "sets max_norm, scale_grad_by_freq or sparse"),
    (hidden, "does not know where this model looks up its tokens"),
])  # fmt: skip
def test_where_it_cannot_be_done_the_run_says_why(make: Callable[[], PreTrainedModel], reason: str) -> None:
    with pytest.raises(Unsupported, match=f"^seen_embeddings saves nothing here: .*{reason}"):
        ready(make(), "full+seen_embeddings")

    assert not ready(make(), "full").plan.seen_embeddings, "nobody asked for it"


def test_a_table_that_does_not_train_is_left_whole() -> None:
    model = llama()
    names = view_of(model).names
    with pytest.raises(Unsupported, match="the model's embedding table does not train"):
        apply(model, TrainPlan(phases=throughout(names[1:]), seen_embeddings=True))


def test_a_model_that_reads_its_table_in_other_ways_is_told_apart() -> None:
    model: Any = llama()
    prepared = ready(model, "full+seen_embeddings")
    embeddings = model.get_input_embeddings()
    looked_up = embeddings.forward
    embeddings.forward = lambda ids: looked_up(ids) + embeddings.weight.sum()

    with pytest.raises(Unsupported, match="reads its embedding table in other ways"):
        run(prepared)


def test_nothing_is_split_unless_it_is_asked_for() -> None:
    prepared = ready(llama(), "full")

    assert {id(param) for param in prepared.trained} == {id(param) for param in prepared.model.parameters()}


@dataclass(frozen=True, slots=True)
class Sgd:
    """Bring an optimizer."""

    def edit(self, _view: ModelView) -> Edit:
        return Edit(optimizer=torch.optim.SGD)


@dataclass(frozen=True, slots=True)
class Hooked:
    """Hook into the loop."""

    def edit(self, _view: ModelView) -> Edit:
        return Edit(after_step=(print,))


@pytest.mark.parametrize(("other", "words"), [
    (Freeze(last=1), r"seen_embeddings saves gradients of embeddings, but freeze:last=1 trains none: leave"),
    (Sgd(), r"seen_embeddings and sgd do not compose: an optimizer other than AdamW"),
    (Hooked(), r"seen_embeddings and hooked do not compose: what is called after a step"),
])  # fmt: skip
def test_what_contradicts_it_is_refused_in_words(other: Strategy, words: str) -> None:
    view = view_of(llama())
    for order in ([other, SeenEmbeddings()], [SeenEmbeddings(), other]):
        with pytest.raises(PlanConflict, match=words):
            compose(order, view)
