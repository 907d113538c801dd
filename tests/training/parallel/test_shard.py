from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.parallel.ranks import Case, Outcome, ask_ranks, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Case], list[Outcome]]

EXACT = 1e-5
TOLERANCES = {"amp:dtype=bf16": 2e-2, "gradual+amp:dtype=bf16": 2e-2, "amp:dtype=fp16": 2e-3, "muon": 2e-4}
"""Relative, of the losses: what rounding by rows that stand in other packs comes to, in that type; else EXACT."""
STRATEGIES = [
    *("full", "freeze:last=2", "discriminative", "lora", "lora+checkpoint", "bitfit", "adafactor", "gradual", "muon"),
    *("freeze:last=2+cached", "amp:dtype=bf16", "amp:dtype=fp16", "accumulate:rows=3", "lisa", "schedule_free", "sgd"),
    *("gradual+amp:dtype=bf16", "pissa", "lora+swa:start=0.25", "prompt_tuning:tokens=5"),
]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with ask_ranks() as ask:
        yield ask


LONG = {"muon", "adafactor", "pissa", "schedule_free", "sgd", "discriminative", "lora", "lora+swa:start=0.25"}
"""What takes seconds, mostly to find out how each operation goes with parts; the rest is alike without it."""


@pytest.mark.parametrize(
    "strategy", [pytest.param(one, marks=[pytest.mark.slow] if one in LONG else []) for one in STRATEGIES]
)
def test_two_ranks_with_parts_train_as_one_process_does(ask: Ask, strategy: str) -> None:
    case = Case(strategy, has_biases=strategy == "bitfit")
    alone, (first, second) = outcome_of(case), ask(Case(f"{strategy}+shard", has_biases=case.has_biases))
    assert not first.error, first.error
    rtol = TOLERANCES.get(strategy, EXACT)
    assert first.losses == pytest.approx(alone.losses, rel=rtol)
    assert first.num_tokens == alone.num_tokens
    assert first.weights == pytest.approx(alone.weights, rel=10 * rtol, abs=10 * rtol)
    assert first.weights == second.weights
    assert first.reduced_dtypes == ["torch.float32"], "also of what was frozen when it ran first"
    assert first.num_params == alone.num_params
    assert first.flops == second.flops == alone.flops
    assert first.evaluated == pytest.approx(alone.evaluated, rel=10 * rtol)


@pytest.mark.parametrize(
    "strategy", ["accumulate:rows=3", "freeze:last=2+cached", pytest.param("muon", marks=pytest.mark.slow)]
)
def test_parts_that_wait_in_the_hosts_memory_train_as_those_on_the_device(ask: Ask, strategy: str) -> None:
    on_device = ask(Case(f"{strategy}+shard", max_grad_norm=0.02))[0]
    first, second = ask(Case(f"{strategy}+shard:offload=true", max_grad_norm=0.02, is_beside_gpus=True))
    assert not first.error, first.error
    assert first.losses == on_device.losses
    assert first.weights == second.weights == on_device.weights
    assert first.evaluated == on_device.evaluated


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(
    ("strategy", "is_only_traced"),
    [
        ("freeze:last=2+cached+compile", True),
        pytest.param("lora+checkpoint+compile", True, marks=pytest.mark.slow),
        pytest.param("full+compile", False, marks=pytest.mark.slow),
    ],
)
def test_layers_are_compiled_before_the_first_step_and_whole_while_they_run(
    ask: Ask, strategy: str, is_only_traced: bool
) -> None:
    alone = outcome_of(Case(strategy.removesuffix("+compile")))
    first, second = ask(Case(f"{strategy}+shard", is_only_traced=is_only_traced))
    assert first.losses == pytest.approx(alone.losses, rel=EXACT), first.error
    assert first.weights == second.weights == pytest.approx(alone.weights, rel=10 * EXACT, abs=10 * EXACT)
    for rank in (first, second):
        assert len(rank.num_graphs) == 1, "a step compiled once more"
        assert rank.num_graphs[0] > 0


def test_the_average_of_parts_is_what_is_evaluated_and_no_step_begins_from_it(ask: Ask) -> None:
    case, last = Case("freeze:last=2+cached+ema:decay=0.6"), outcome_of(Case("freeze:last=2+cached"))
    alone, (first, _) = outcome_of(case), ask(Case(f"{case.strategy}+shard"))
    assert first.losses == pytest.approx(alone.losses, rel=EXACT), first.error
    assert first.weights == pytest.approx(last.weights, rel=EXACT, abs=EXACT)
    assert first.evaluated == pytest.approx(alone.evaluated, rel=EXACT)
    assert first.evaluated != pytest.approx(last.evaluated, rel=100 * EXACT)


@pytest.mark.parametrize("strategy", ["full", pytest.param("lora", marks=pytest.mark.slow)])
def test_gradients_in_parts_are_cut_to_their_norm_over_all(ask: Ask, strategy: str) -> None:
    alone = outcome_of(Case(strategy, max_grad_norm=0.02))
    first, _ = ask(Case(f"{strategy}+shard", max_grad_norm=0.02))
    assert first.losses == pytest.approx(alone.losses, rel=EXACT), first.error
