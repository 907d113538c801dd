"""Prompt tuning on packs: as in a loop that gives the model embeddings with the prompt in front, row by row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch

from bench.errors import PlanConflict, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.view import stand_in
from bench.training.evaluation import predict
from bench.workload.toy import VOCABULARY, toy_split
from strategies.prompt_tuning import PromptTuning
from tests.applied import applied
from tests.strategies.by_hand import (
    RATES,
    SPLIT,
    bert,
    gpt2,
    layer_of,
    llama,
    prepared_for,
    train_by_bench,
    train_by_hand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import PreTrainedModel

    from bench.plan import Strategy

NUM = 5
MODELS = [llama, bert, gpt2]


def prompt_of(model: PreTrainedModel) -> torch.nn.Parameter:
    """Start with the embeddings of the commonest tokens of the training rows."""
    counts = Counter(SPLIT.tokens.tolist())
    common = sorted(counts, key=lambda token: (-counts[token], token))[:NUM]
    return torch.nn.Parameter(model.get_input_embeddings().weight.detach()[common].clone())


def logits_by_hand(model: PreTrainedModel, rows: Sequence[int], prompt: torch.Tensor, place: int) -> torch.Tensor:
    """Run each row alone, so that nothing is padded, with the prompt after its first `place` tokens."""
    found = []
    for row in rows:
        text = model.get_input_embeddings()(torch.from_numpy(SPLIT.row(row)).long())
        embedded = torch.cat([text[:place], prompt, text[place:]])[None]
        found.append(model(inputs_embeds=embedded).logits)
    return torch.cat(found)


def strategies_of(text: str) -> list[Strategy]:
    return [registry.load(term) for term in parse_strategy(text)]


@pytest.mark.parametrize("make", MODELS)
def test_losses_are_those_of_a_loop_by_hand_and_only_prompt_and_head_move(make: Callable[[], PreTrainedModel]) -> None:
    model = make()
    before = {name: param.detach().clone() for name, param in model.named_parameters()}
    prepared = prepared_for([PromptTuning(NUM, factor=1)], model)
    assert prepared.why_padded is None
    losses = train_by_bench(prepared)

    place, other = int(make is bert), make()
    prompt = prompt_of(other)
    wanted = train_by_hand(
        other,
        lambda name, _step: name == "prompt" or layer_of(name) == "head",
        lambda name: RATES.adapters if name == "prompt" else RATES.head,
        added={"prompt": prompt},
        logits=lambda model, rows: logits_by_hand(model, rows, prompt, place),
    )
    assert losses == pytest.approx(wanted, rel=1e-5)
    learnt = prepared.model.get_input_embeddings().prompt
    assert torch.allclose(learnt, prompt, atol=1e-5)
    assert not learnt.equal(prompt_of(make()))
    moved = {name for name, param in prepared.params.items() if not param.detach().equal(before[name])}
    assert moved == {name for name in before if layer_of(name) == "head"}


@pytest.mark.parametrize("make", MODELS)
def test_evaluation_sees_the_prompt(make: Callable[[], PreTrainedModel]) -> None:
    prepared = prepared_for([PromptTuning(NUM)], make())
    found = predict(prepared, SPLIT)

    model = make().eval()
    with torch.no_grad():
        wanted = logits_by_hand(model, range(len(SPLIT)), prompt_of(model), int(make is bert))
    losses = torch.nn.functional.cross_entropy(wanted, torch.from_numpy(SPLIT.labels), reduction="none")
    assert found.losses == pytest.approx(losses.numpy(), rel=1e-4)


def test_a_batch_counts_the_tokens_of_its_prompts_and_a_step_their_work() -> None:
    prepared = prepared_for([PromptTuning(NUM)], llama())
    rows = [3, 1]
    assert prepared.batch(SPLIT, rows).num_tokens == SPLIT.lengths[rows].sum() + 2 * NUM
    assert prepared.lengths(SPLIT)[rows].tolist() == (SPLIT.lengths[rows] + NUM).tolist()


@pytest.mark.parametrize("text", ["amp:dtype=bf16", "checkpoint", "amp:dtype=bf16+checkpoint", "freeze"])
def test_it_composes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    plain = train_by_bench(prepared_for([PromptTuning(NUM)], llama()))
    mixed = train_by_bench(prepared_for([PromptTuning(NUM), *strategies_of(text)], llama()))
    assert mixed == pytest.approx(plain, rel=2e-2 if "amp" in text else 1e-6)


def test_a_row_that_leaves_no_room_for_the_prompt_is_told_with_the_length_to_give() -> None:
    with pytest.raises(Unsupported, match=r"a prompt of 50 are more than the 64 tokens .* give --max-length 14"):
        prepared_for([PromptTuning(50)], bert())


def test_a_longer_prompt_than_there_are_tokens_repeats_them() -> None:
    split = toy_split(4, shortest=1, longest=2)
    prepared = applied("prompt_tuning:tokens=12", split=split)
    assert prepared.model.get_input_embeddings().prompt.shape == (12, 16)
    assert len(set(split.tokens.tolist())) < 12 < VOCABULARY


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("prompt_tuning:tokens=0", UsageError, "a prompt has 1 token or more"),
        ("prompt_tuning+cached", PlanConflict, "a prompt changes every layer's output"),
        ("prompt_tuning+full", PlanConflict, "both set phases"),
    ],
)
def test_what_cannot_be_is_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compose(strategies_of(text), stand_in(4))
