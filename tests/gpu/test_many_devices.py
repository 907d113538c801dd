"""One run on several GPUs, for whoever has them: `pytest -m gpu tests/gpu`, at most five minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.parallel.ranks import Case, Outcome, ask_ranks, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Case], list[Outcome]]

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]

TOLERANCES = {"amp": 2e-2, "amp:dtype=bf16": 2e-2, "muon": 2e-3}
"""Relative, of the losses; in fp32 1e-4, since sums of a matmul are cut by its shape."""
STRATEGIES = ["full", "freeze:last=2", "lora+checkpoint", "gradual", "freeze:last=2+cached", "accumulate:rows=3", "amp"]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    with ask_ranks(device="cuda") as ask:
        yield ask


@pytest.mark.parametrize(
    ("strategy", "how"),
    [
        *((strategy, how) for strategy in STRATEGIES for how in ("", "+shard")),
        *((strategy, "+shard:offload=true") for strategy in [*STRATEGIES, "muon"] if strategy != "amp"),
        ("amp:dtype=bf16", "+shard:offload=true"),
    ],
)
def test_two_gpus_train_as_one_does(ask: Ask, strategy: str, how: str) -> None:
    alone, (first, second) = outcome_of(Case(strategy), device=torch.device("cuda")), ask(Case(f"{strategy}{how}"))
    assert not first.error, first.error
    assert first.losses == pytest.approx(alone.losses, rel=TOLERANCES.get(strategy, 1e-4))
    assert first.weights == second.weights
    if "offload" in how:
        assert first.param_devices == ["cpu"]


def test_what_waits_in_the_hosts_memory_takes_none_of_a_gpu(ask: Ask) -> None:
    whole, parts, offloaded = (
        ask(Case(f"full{how}", num_tokens=1 << 16))[0] for how in ("", "+shard", "+shard:offload=true")
    )
    of_state = 3 * 4 * whole.num_params  # weights and two moments, in fp32
    assert whole.held_bytes - parts.held_bytes > 0.4 * of_state
    assert parts.held_bytes - offloaded.held_bytes > 0.4 * of_state
