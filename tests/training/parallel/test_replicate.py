from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.training.parallel.buckets import BUCKET_BYTES
from bench.training.parallel.group import joined
from bench.training.parallel.replicate import Replicate
from tests.applied import CPU
from tests.training.parallel.ranks import Case, Outcome, ask_ranks, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

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


LONG = {"lora", "discriminative", "ema", "adafactor", "amp:dtype=bf16"}


@pytest.mark.parametrize(
    "strategy", [pytest.param(one, marks=[pytest.mark.slow] if one in LONG else []) for one in STRATEGIES]
)
def test_two_ranks_train_as_one_process_does(ask: Ask, strategy: str) -> None:
    case = Case(strategy, num_tokens=512 if strategy == "seen_embeddings" else 64, has_biases=strategy == "bitfit")
    alone, (first, second) = outcome_of(case), ask(case)
    assert not first.error, first.error
    rtol = TOLERANCES.get(strategy, EXACT)
    assert first.losses == pytest.approx(alone.losses, rel=rtol)
    assert first.num_tokens == alone.num_tokens
    assert first.weights == pytest.approx(alone.weights, rel=10 * rtol, abs=10 * rtol)
    assert first.weights == second.weights, "the replicas are one model"
    assert first.flops == alone.flops
    assert set(first.parts) - set(alone.parts) == {"communication"}
    assert first.num_early == second.num_early == len(first.losses), "every step sends before its backward pass is over"


@pytest.mark.parametrize(
    "strategy",
    [
        *("full", "accumulate:rows=3"),
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("seen_embeddings", "lisa", "pure_bf16")),
    ],
)
def test_what_is_sent_in_the_backward_pass_gives_the_bits_of_what_is_sent_after_it(ask: Ask, strategy: str) -> None:
    early, late = (
        Case(strategy, num_tokens=512, bucket_bytes=2**12, is_sent_after=is_after) for is_after in (False, True)
    )
    (first, second), (after, _) = ask(early), ask(late)
    assert not first.error, first.error
    assert (first.losses, first.digest) == (after.losses, after.digest)
    assert first.digest == second.digest
    assert after.num_early == 0
    if strategy == "pure_bf16":
        assert first.num_early == 0
    else:
        assert first.num_early > 2 * len(first.losses), "several a step"


@pytest.mark.parametrize("strategy", ["full", pytest.param("lora", marks=pytest.mark.slow)])
def test_gradients_are_cut_to_their_norm_over_all_rows(ask: Ask, strategy: str) -> None:
    case = Case(strategy, max_grad_norm=0.02)
    alone, (first, _) = outcome_of(case), ask(case)
    assert first.losses == pytest.approx(alone.losses, rel=EXACT), first.error
    assert alone.losses != pytest.approx(outcome_of(Case(strategy, max_grad_norm=100.0)).losses, rel=EXACT)


def test_replicas_that_come_apart_are_told(tmp_path: Path) -> None:
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        params = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2))]
        assert not Replicate(group.rank, group.num_ranks, group.device).differ(params)

        class Beside(Replicate):
            __slots__ = ()

            def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
                return [list(numbers), [*list(numbers)[:-1], 2.5]]

        assert Beside(0, 2, CPU).differ(params)


def test_a_parameter_that_no_rank_has_a_gradient_of_keeps_none_and_a_large_one_is_sent_by_itself(
    tmp_path: Path,
) -> None:
    large, unused, small = (torch.nn.Parameter(torch.ones(num)) for num in (BUCKET_BYTES // 4, 3, 2))
    large.grad, small.grad = torch.full_like(large, 2.0), torch.full_like(small, 3.0, dtype=torch.float32)
    place, marks = large.grad.data_ptr(), list[str]()
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        one = Replicate(group.rank, group.num_ranks, group.device)
        one.last_backward([large, unused, small])
        loss = one.reduce(torch.tensor(0.5), marks.append)
    assert float(loss) == 0.5
    assert unused.grad is None
    assert large.grad.data_ptr() == place
    assert large.grad.eq(2.0).all()
    assert small.grad.eq(3.0).all()
    assert marks == ["communication"]
