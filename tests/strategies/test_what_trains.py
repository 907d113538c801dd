"""What trains, by each strategy that chooses it: as in a loop written by hand, and nothing else moves, bit by bit."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from bench.errors import UnknownName, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.view import stand_in
from bench.workload.models.layers import view_of
from strategies.only import Only
from tests.strategies.by_hand import (
    NUM_LAYERS,
    RATES,
    bert,
    gpt2,
    layer_of,
    llama,
    prepared_for,
    train_by_bench,
    train_by_hand,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

EVERYTHING = ["embeddings", "0", "1", "2", "3", "head"]
GRADUAL = [EVERYTHING[-1:], EVERYTHING[-2:], EVERYTHING[-3:], EVERYTHING[-4:], *[EVERYTHING] * 4]
CHAIN = [["head"], ["embeddings"], ["0"], ["1"], ["2"], ["3"], EVERYTHING, EVERYTHING]
LISA = [["embeddings", "head", *(str(n) for n in Random(step // 2).sample(range(4), 1))] for step in range(8)]


def in_layers(turns: list[list[str]]) -> Callable[[str, int], bool]:
    return lambda name, step: layer_of(name) in turns[step]


def of_body(body: float) -> Callable[[str], float]:
    return lambda name: RATES.head if layer_of(name) == "head" else body


def by_depth(name: str) -> float:
    depth = len(EVERYTHING) - 2 - EVERYTHING.index(layer_of(name))
    return RATES.head if layer_of(name) == "head" else RATES.everything * 0.5**depth


def is_bias(name: str, _step: int) -> bool:
    return name.endswith("bias") or layer_of(name) == "head"


def is_norm(name: str, _step: int) -> bool:
    return "norm" in name.lower() or ".ln_" in name or layer_of(name) == "head"


def is_query(name: str, _step: int) -> bool:
    return "query" in name or "q_proj" in name or layer_of(name) == "head"


CASES: dict[str, tuple[list[Callable[[], PreTrainedModel]], Callable[[str, int], bool], Callable[[str], float]]] = {
    "full": ([llama, bert, gpt2], in_layers([EVERYTHING] * 8), of_body(RATES.everything)),
    "freeze": ([llama, bert], in_layers([["head"]] * 8), lambda _: RATES.head_alone),
    "freeze:last=2": ([llama], in_layers([["2", "3", "head"]] * 8), of_body(RATES.last_layers)),
    "llrd:decay=0.5": ([llama], in_layers([EVERYTHING] * 8), by_depth),
    "gradual": ([llama, gpt2], in_layers(GRADUAL), of_body(RATES.everything)),
    "chain_thaw:until=0.75": ([llama, bert], in_layers(CHAIN), of_body(RATES.everything)),
    "head_then_full:until=0.25": (
        [llama],
        in_layers([["head"]] * 2 + [EVERYTHING] * 6),
        of_body(RATES.everything),
    ),
    "bitfit": ([bert, gpt2], is_bias, of_body(RATES.adapters)),
    "norm_only": ([llama, bert, gpt2], is_norm, of_body(RATES.adapters)),
    "lisa:layers=1:every=2": ([llama, bert], in_layers(LISA), of_body(RATES.everything)),
    "only:match=*q*_proj*": ([llama], is_query, of_body(RATES.adapters)),
}
each_case = pytest.mark.parametrize(
    ("text", "make"), [(text, make) for text, (makes, *_) in CASES.items() for make in makes]
)


@each_case
def test_losses_are_those_of_a_loop_by_hand_and_nothing_moves_that_should_not(
    text: str, make: Callable[[], PreTrainedModel]
) -> None:
    (_, trains, rate), model = CASES[text], make()
    params = dict(model.named_parameters())
    before = {name: param.detach().clone() for name, param in params.items()}
    prepared = prepared_for([registry.load(parse_strategy(text)[0])], model)
    assert prepared.why_padded is None

    def compare(done: int) -> None:
        moved = {name for name, param in params.items() if not param.detach().equal(before[name])}
        # In the first step of the warm-up the rate is zero.
        assert moved == {name for name in params if done > 1 and trains(name, done - 1)}, f"step {done}"
        before.update({name: params[name].detach().clone() for name in moved})

    losses = train_by_bench(prepared, compare)
    assert losses == pytest.approx(train_by_hand(make(), trains, rate), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "gradual",
            "the head trains first, then one more layer from the top at a time, everything from 50% of the steps",
        ),
        (
            "chain_thaw:until=0.8",
            "the head trains alone, then each layer alone from the bottom up, everything from 80% of the steps",
        ),
        ("head_then_full:until=0.3", "only the head trains, then everything trains from 30% of the steps"),
        ("bitfit", "only biases and the head train"),
        ("norm_only", "only norms and the head train"),
        ("lisa", "the embeddings and the head train, and 2 of 30 layers, drawn anew every 5 steps"),
        ("only:match=*q_proj.weight", "only parameters named *q_proj.weight (30 of 451) and the head train"),
    ],
)
def test_the_report_says_it_in_one_sentence_however_many_layers_there_are(text: str, words: str) -> None:
    view = stand_in(30)
    assert changes(compose([registry.load(parse_strategy(text)[0])], view), view) == {"phases": words}


def test_kinds_and_a_pattern_together_name_both() -> None:
    view = stand_in(4)
    found = changes(compose([Only(match="*q_proj*", kinds=("bias", "norm"))], view), view)
    assert found == {"phases": "only biases and norms named *q_proj* (4 of 61) and the head train"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gradual:until=1", "gradual:until=1 cannot be"),
        ("chain_thaw:until=0", "chain_thaw:until=0 cannot be"),
        ("head_then_full:until=2", "head_then_full:until=2 cannot be"),
        ("lisa:layers=5", "layers is 1 to 4 in this model"),
        ("lisa:every=0", "every at least 1"),
        ("only:match=*quary*", r"matches '\*quary\*'; names are like model.layers.0"),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compose([registry.load(parse_strategy(text)[0])], stand_in(NUM_LAYERS))


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean norm"):
        Only(kinds=("nrm",))


def test_bitfit_is_not_for_a_model_without_biases() -> None:
    with pytest.raises(Unsupported, match=r"llama\) has no parameter of kind bias"):
        compose([registry.load(parse_strategy("bitfit")[0])], view_of(llama()))
