"""EMA and SWA against averages that are written out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from bench.beside.strategies.accumulate import Accumulate
from bench.beside.strategies.ema import Ema
from bench.beside.strategies.swa import Swa
from torch.nn.functional import cross_entropy

from bench.errors import UsageError
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.view import stand_in
from bench.training.evaluation import predict
from bench.training.trainer import Schedule, train
from tests.strategies.by_hand import BATCHES, SPLIT, batch_of, llama, prepared_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.plan import Strategy
    from bench.training.prepared import Prepared

Values = dict[str, np.ndarray]
DECAY = 0.5 ** (1 / (0.25 * len(BATCHES)))
"""That of `ema:half_life=0.25`: a step counts half after two others."""


def exponential(seen: Sequence[Values]) -> Values:
    """Sum up all steps, each by what is left of it; the first has the rest."""
    shares = [(1 - DECAY) * DECAY**age for age in range(len(seen) - 1)][::-1]
    shares.insert(0, DECAY ** (len(seen) - 1))
    return {name: sum(share * one[name] for share, one in zip(shares, seen, strict=True)) for name in seen[0]}


def equal(seen: Sequence[Values]) -> Values:
    """Average the steps of the second half, or have the last one before them."""
    late = seen[len(BATCHES) // 2 :] or seen[-1:]
    return {name: sum(one[name] for one in late) / len(late) for name in seen[0]}


def values(ready: Prepared) -> Values:
    return {name: param.detach().numpy().astype(np.float64) for name, param in ready.params.items()}


@pytest.mark.parametrize("beside", [(), (Accumulate(rows=3),)])
@pytest.mark.parametrize(("strategy", "average"), [(Ema(half_life=0.25), exponential), (Swa(start=0.5), equal)])
def test_what_is_evaluated_is_the_average_after_every_step(
    strategy: Strategy, average: Callable[[Sequence[Values]], Values], beside: tuple[Strategy, ...]
) -> None:
    ready = prepared_for((strategy, *beside), llama())
    seen: list[Values] = []

    def look(done: int, *_: object) -> None:
        seen.append(values(ready))
        with ready.evaluating():
            found = values(ready)
        for name, wanted in average(seen).items():
            np.testing.assert_allclose(found[name], wanted, rtol=1e-5, atol=1e-7, err_msg=f"{name} at step {done}")
        ready.training_mode()
        assert all((value == seen[-1][name]).all() for name, value in values(ready).items())

    train(ready, SPLIT, Schedule(epochs=[BATCHES]), on_step=look, on_point=lambda *_: None)
    assert len(seen) == len(BATCHES)
    other = llama()
    other.load_state_dict({name: torch.from_numpy(value) for name, value in average(seen).items()})
    with torch.no_grad():
        logits = other.eval()(**batch_of(range(8))).logits
    wanted = cross_entropy(logits, torch.from_numpy(SPLIT.labels[:8]), reduction="none")
    assert predict(ready, SPLIT.first(8)).losses == pytest.approx(wanted.numpy(), rel=1e-5)


@pytest.mark.parametrize(("num_steps", "decay"), [(10, 0.25), (1000, 0.986233)])
def test_a_half_life_is_a_share_of_the_run_and_the_report_says_the_decay(num_steps: int, decay: float) -> None:
    view = replace(stand_in(2), num_steps=num_steps)
    plan = compose((Ema(),), view)
    assert plan.averaging is not None
    assert plan.averaging.decay ** (num_steps / 20) == pytest.approx(0.5)
    assert changes(plan, view)["averaging"] == (
        f"evaluated on the exponential average (decay {decay}) of the weights after each of {num_steps} steps"
    )


def test_two_averages_conflict_and_what_is_none_is_refused() -> None:
    view = stand_in(2)
    with pytest.raises(UsageError, match=r"ema.*and swa.*do not compose: both set averaging"):
        compose((Ema(), Swa()), view)
    with pytest.raises(UsageError, match="half_life=0 cannot be"):
        Ema(half_life=0)
    with pytest.raises(UsageError, match=r"ema:decay=0\.9 cannot be: .* in place of half_life, not beside it$"):
        Ema(half_life=0.5, decay=0.9)
    for wrong in (1.0, -0.1):
        with pytest.raises(UsageError, match=rf"^ema:decay={wrong:g} cannot be: .* 0 to below 1, and"):
            Ema(decay=wrong)
