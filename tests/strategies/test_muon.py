from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.muon import Muon
from bench.beside.strategies.norm_only import NormOnly

from bench.errors import Unsupported, UsageError
from bench.plan import throughout
from bench.plan.compose import compose
from bench.testing.models import view_on
from tests.strategies.steps import DECAY, RATES, assert_steps, begun, gradients, num_kept, stepped, trained, words_of
from tests.strategies.tiny import losses_of, prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.training.prepared import Prepared


def by_singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """What five steps of Newton and Schulz make of each singular value, with Jordan's coefficients."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values = values / values.square().sum().sqrt()
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left @ torch.diag(values) @ right


def adamw(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
    first, second = torch.zeros_like(weights), torch.zeros_like(weights)
    for step, (rate, grad) in enumerate(zip(RATES, grads, strict=True), start=1):
        first = 0.9 * first + 0.1 * grad
        second = 0.999 * second + 0.001 * grad**2
        update = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        weights = weights - rate * update - rate * decay * weights
    return weights


@pytest.mark.parametrize("momentum", [0.95, 0.5])
def test_matrices_of_layers_step_by_muon_and_the_rest_by_adamw(momentum: float) -> None:
    """Jordan et al. 2024, with Nesterov's momentum; steps of the size of AdamW's, as in Liu et al. 2025, Equation 4."""

    def rule(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
        if weights.ndim == 1:
            return adamw(weights, grads, decay)
        velocity = torch.zeros_like(weights)
        for rate, grad in zip(RATES, grads, strict=True):
            velocity = momentum * velocity + grad
            update = grad + momentum * velocity
            update = 0.2 * math.sqrt(max(weights.shape)) * by_singular_values(update)
            weights = weights - rate * (update + decay * weights)
        return weights

    assert_steps(Muon(momentum, factor=2), rule, decay=DECAY / 2)


@pytest.mark.parametrize(("layer", "kind"), [("embeddings", "embedding"), ("head", "weight"), ("layer 0", "embedding")])
def test_matrices_of_embeddings_and_head_step_by_adamw(layer: str, kind: str) -> None:
    factory = compose([Muon(factor=1)], view_on("llama")).optimizer
    assert factory
    body, apart = (torch.nn.Parameter(begun()[name]) for name in ("tall", "wide"))
    places = {"layers": ["layer 0", layer], "kinds": ["weight", kind]}
    optimizer = factory([{"params": [body, apart], "lr": 1.0, "weight_decay": DECAY} | places])
    for rate, grads in zip(RATES, gradients(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        body.grad, apart.grad = grads["tall"], grads["wide"]
        optimizer.step()
    expected = adamw(begun()["wide"].double(), [grads["wide"].double() for grads in gradients()], DECAY)
    torch.testing.assert_close(apart.detach().double(), expected, rtol=1e-5, atol=1e-6)


def test_where_no_matrix_of_a_layer_trains_it_is_refused() -> None:
    with pytest.raises(Unsupported, match="none trains: it would be AdamW"):
        stepped(Muon(), "head")
    with pytest.raises(Unsupported, match="muon is for matrices of layers or adapters, and none trains"):
        prepared(NormOnly(), Muon())


def test_it_is_the_muon_of_torch_which_rounds_to_bf16() -> None:
    found, _ = stepped(Muon(factor=1))
    params = {name: torch.nn.Parameter(value) for name, value in begun().items() if value.ndim == 2}
    theirs = torch.optim.Muon(params.values(), weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    for rate, grads in zip(RATES, gradients(), strict=True):
        theirs.param_groups[0]["lr"] = rate
        for name, param in params.items():
            param.grad = grads[name]
        theirs.step()
    for name, param in params.items():
        moved = param.detach() - begun()[name]
        assert float((param.detach() - found[name]).norm()) < 0.03 * float(moved.norm())


def by_muon(ready: Prepared) -> set[torch.nn.Parameter]:
    return {param for param, state in ready.optimizer.state.items() if "momentum_buffer" in state}


def test_it_keeps_one_number_for_each_value_of_a_matrix_and_two_for_others() -> None:
    ready = trained(Muon())
    one = by_muon(ready)
    linears = {ready.params[f"{linear.name}.weight"] for linear in ready.resolved.view.linears}
    assert one == linears
    others = [param for param in ready.trained if param not in one]
    of_adamw = sum(2 * param.numel() + 1 for param in others)  # and the number of its step
    assert num_kept(ready) == sum(param.numel() for param in one) + of_adamw


def test_matrices_of_adapters_step_by_muon() -> None:
    ready = trained(Lora(r=2), Muon())
    names = {name for name, param in ready.model.named_parameters() if param in by_muon(ready)}
    assert names
    assert all("lora_" in name for name in names)
    assert len(names) == len(ready.trained) - 1, "all but the head"


def test_rates_of_all_follow_the_run_and_what_stops_training_gives_up_its_state() -> None:
    ready = prepared(Muon())
    initial = [group["lr"] for group in ready.optimizer.param_groups]
    losses_of(ready, num_steps=4)
    inner = [group for one in ready.optimizer._optimizers for group in one.param_groups]
    assert all(mine is its for mine, its in zip(ready.optimizer.param_groups, inner, strict=True))
    assert [group["initial_lr"] for group in inner] == initial
    assert all(group["lr"] < group["initial_lr"] for group in inner)
    view = ready.resolved.view
    ready.let_train(throughout((view.head,)).at(0, 1, 0))
    head = {ready.params[name] for name in view.layers[-1].param_names}
    assert set(ready.optimizer.state) == head
    assert all(set(one.state) == head for one in ready.optimizer._optimizers)


def test_the_report_tells_it() -> None:
    assert words_of(Muon()) == (
        "Muon for matrices of layers and adapters, AdamW for the rest, momentum=0.95, apart=embeddings/head, "
        "weight_decay at 0.2 times that of the run"
    )


def test_what_it_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="muon:momentum=1 cannot be"):
        Muon(momentum=1.0)
    with pytest.raises(UsageError, match="muon:factor=0 cannot be"):
        Muon(factor=0.0)
