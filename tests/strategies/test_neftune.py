from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from bench.beside.strategies.neftune import Neftune
from torch.nn.functional import cross_entropy

from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.view import stand_in
from bench.training.evaluation import predict
from bench.training.forward.padded import PaddedForward
from tests.strategies.by_hand import SPLIT, batch_of, bert, llama, prepared_for, train_by_bench

if TYPE_CHECKING:
    from bench.training.prepared import Prepared

ALPHA, WIDTH = 3.0, 16
ROWS = np.argsort(SPLIT.lengths, kind="stable")[[0, 8, 16, 24, 31]]
"""Of unlike length."""


def ready_with(text: str, *, is_padded: bool = False, model=llama) -> Prepared:  # type: ignore[no-untyped-def]
    ready = prepared_for([registry.load(term) for term in parse_strategy(text)], model())
    if not is_padded:
        assert ready.why_padded is None
        return ready
    ready.forward.close()
    return replace(ready, forward=PaddedForward(ready.model, 0))


def noise_by_row(ready: Prepared, num_prompt_tokens: int = 0) -> list[np.ndarray]:
    """What is added to the embeddings of ROWS in training, in shares of the bound of each row."""
    table = ready.model.get_input_embeddings()  # type: ignore[operator]
    found: list[torch.Tensor] = []
    hook = table.register_forward_hook(lambda _module, args, output: found.append(output - table.forward(*args)))
    ready.loss(ready.batch(SPLIT, ROWS))
    hook.remove()
    lengths = SPLIT.lengths[ROWS] + num_prompt_tokens
    noise = found[0].detach().numpy()
    if len(noise) == 1:
        rows = np.split(noise[0], np.cumsum(lengths)[:-1])
    else:
        rows = [one[:length] for one, length in zip(noise, lengths, strict=True)]
    return [one / (ALPHA / np.sqrt(length * WIDTH)) for one, length in zip(rows, lengths, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        f"neftune:alpha={ALPHA:g}",
        f"freeze+neftune:alpha={ALPHA:g}",
        f"checkpoint+neftune:alpha={ALPHA:g}",
        f"prompt_tuning:tokens=4+neftune:alpha={ALPHA:g}",
    ],
)
@pytest.mark.parametrize("is_padded", [False, True])
def test_noise_is_uniform_within_a_bound_by_the_length_of_the_row(text: str, *, is_padded: bool) -> None:
    ready = ready_with(text, is_padded=is_padded)
    num_prompt_tokens = ready.plan.prompt_tokens
    torch.manual_seed(0)
    draws = [noise_by_row(ready, num_prompt_tokens) for _ in range(4)]
    for rows in zip(*draws, strict=True):
        shares = np.stack(rows)
        assert shares.shape[1:] == (len(rows[0]), WIDTH)
        assert 0.95 < abs(shares).max() <= 1 + 1e-5
    everything = np.concatenate([one.ravel() for rows in draws for one in rows])
    for share in (-0.5, 0.0, 0.5):  # as many below it as of a uniform draw, within five standard errors
        below = (1 + share) / 2
        assert abs((everything < share).mean() - below) < 5 * (below * (1 - below) / len(everything)) ** 0.5


@pytest.mark.parametrize("model", [llama, bert])
def test_what_is_evaluated_has_no_noise(model) -> None:  # type: ignore[no-untyped-def]
    plain = model()
    with torch.no_grad():
        logits = plain.eval()(**batch_of(range(8))).logits
    wanted = cross_entropy(logits, torch.from_numpy(SPLIT.labels[:8]), reduction="none")
    ready = ready_with("neftune", model=model)
    batch = ready.batch(SPLIT, range(8))
    noisy = float(ready.loss(batch).detach())
    assert predict(ready, SPLIT.first(8)).losses == pytest.approx(wanted.numpy(), rel=1e-5)
    assert abs(noisy - float(wanted.mean())) > 1e-4


def test_the_noise_is_that_of_the_seed_of_the_run() -> None:
    losses = {}
    for text, seed in (
        ("neftune", 1),
        ("neftune", 2),
        ("checkpoint+neftune", 1),
        ("freeze", 1),
        ("freeze+neftune", 1),
    ):
        ready = ready_with(text)
        torch.manual_seed(seed)
        losses[text, seed] = train_by_bench(ready)
    once = losses["neftune", 1]
    ready = ready_with("neftune")
    torch.manual_seed(1)
    assert train_by_bench(ready) == once
    assert losses["neftune", 2] != pytest.approx(once, rel=1e-4)
    assert losses["checkpoint+neftune", 1] == pytest.approx(once, rel=1e-5)
    assert losses["freeze+neftune", 1] != pytest.approx(losses["freeze", 1], rel=1e-4)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="neftune:alpha=0 cannot be"):
        Neftune(alpha=0)
    with pytest.raises(PlanConflict, match=r"neftune and cached do not compose: the frozen layers run once"):
        compose([registry.load(term) for term in parse_strategy("freeze+cached+neftune")], stand_in(2))
