from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.parallel.ranks import Case, Outcome, ask_ranks, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Case], list[Outcome]]

EXACT = 1e-5
TOLERANCES = {"amp:dtype=bf16": 2e-2, "amp:dtype=fp16": 2e-3, "muon": 2e-4}
"""Relative, of the losses: what rounding by rows that stand in other packs comes to, in that type; else EXACT."""
STRATEGIES = [
    *("full", "freeze:last=2", "discriminative", "lora", "lora+checkpoint", "bitfit", "adafactor", "gradual", "muon"),
    *(
        "freeze:last=2+cached",
        "seen_embeddings",
        "amp:dtype=bf16",
        "amp:dtype=fp16",
        "accumulate:rows=3",
        "ema",
        "lisa",
    ),
]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with ask_ranks() as ask:
        yield ask


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_ranks_train_as_one_process_does(ask: Ask, strategy: str) -> None:
    case = Case(strategy, num_tokens=512 if strategy == "seen_embeddings" else 64, has_biases=strategy == "bitfit")
    alone, (first, second) = outcome_of(case), ask(case)
    assert not first.error, first.error
    rtol = TOLERANCES.get(strategy, EXACT)
    assert first.losses == pytest.approx(alone.losses, rel=rtol)
    assert first.num_tokens == alone.num_tokens
    assert first.weights == pytest.approx(alone.weights, rel=10 * rtol, abs=10 * rtol)
    assert first.weights == second.weights, "the replicas are one model"
    assert set(first.parts) - set(alone.parts) == {"communication"}


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_gradients_are_cut_to_their_norm_over_all_rows(ask: Ask, strategy: str) -> None:
    case = Case(strategy, max_grad_norm=0.02)
    alone, (first, _) = outcome_of(case), ask(case)
    assert first.losses == pytest.approx(alone.losses, rel=EXACT), first.error
    assert alone.losses != pytest.approx(outcome_of(Case(strategy, max_grad_norm=100.0)).losses, rel=EXACT)
