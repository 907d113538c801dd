from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from bench.measuring.flops import count_flops
from bench.measuring.torch_memory import num_values
from bench.training.savings.quantised_linear import Int8Linear, NF4Linear, dequantise

if TYPE_CHECKING:
    from collections.abc import Callable

COARSE = {Int8Linear: 0.01, NF4Linear: 0.2}
"""How far a number may be from the one that it stands for, relative to the largest of its row or block."""
SHAPES = [(16, 16), (48, 64), (5, 7)]


def linear(columns: int, size: int) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(size, columns)


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_weight_is_stored_coarsely_and_multiplied_exactly(
    make: Callable[..., Any], shape: tuple[int, int], device: torch.device
) -> None:
    plain = linear(*shape).requires_grad_(requires_grad=False).to(device)
    layer = make(plain.weight.detach(), plain.bias, torch.float32)
    weight = layer.dequantised(torch.float32)
    assert weight.shape == shape
    assert not torch.equal(weight, plain.weight)
    assert float((weight - plain.weight).abs().max()) <= COARSE[make] * float(plain.weight.abs().max())
    assert num_values(layer.weight) == plain.weight.numel()
    inputs = torch.randn(3, 4, shape[1], device=device, requires_grad=True)
    outputs = layer(inputs)
    torch.testing.assert_close(outputs, nn.functional.linear(inputs, weight, plain.bias))
    upstream = torch.randn_like(outputs)
    (found,) = torch.autograd.grad(outputs, inputs, upstream)
    torch.testing.assert_close(found, upstream @ weight)


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
def test_training_and_evaluation_compute_alike(make: Callable[..., Any], device: torch.device) -> None:
    plain = linear(32, 64).to(device)
    layer = make(plain.weight.detach(), plain.bias, torch.float32)
    inputs = torch.randn(5, 64, device=device)
    with torch.no_grad():
        evaluated = layer.eval()(inputs)
    assert torch.equal(layer.train()(inputs.requires_grad_()), evaluated)


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
def test_under_autocast_it_computes_in_half_precision(make: Callable[..., Any], device: torch.device) -> None:
    layer = make(linear(32, 64).weight.detach().to(device), None, torch.bfloat16)
    inputs = torch.randn(5, 64, device=device, requires_grad=True)
    with torch.autocast(device.type, torch.bfloat16):
        outputs = layer(inputs)
    assert outputs.dtype == torch.bfloat16
    (grad,) = torch.autograd.grad(outputs.sum(), inputs)
    assert grad.dtype == torch.float32


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
def test_nothing_of_the_size_of_the_weight_is_kept_for_the_backward_pass(make: Callable[..., Any]) -> None:
    layer = make(linear(32, 64).weight.detach(), None, torch.float32)
    saved: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(torch.randn(5, 64, requires_grad=True))
    assert saved == []


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
def test_its_matrix_products_are_counted(make: Callable[..., Any]) -> None:
    layer = make(linear(32, 64).weight.detach(), None, torch.float32)
    inputs = torch.randn(5, 64, requires_grad=True)
    assert count_flops(lambda: layer(inputs).sum().backward()) == 2 * 2 * 5 * 32 * 64


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
def test_a_plain_layer_can_take_its_place(make: Callable[..., Any]) -> None:
    model = nn.Sequential(make(linear(32, 64).weight.detach(), linear(32, 64).bias, torch.float32))
    inputs = torch.randn(5, 64)
    wanted = model(inputs)
    dequantise(model)
    assert type(model[0]) is nn.Linear
    torch.testing.assert_close(model(inputs), wanted)
    assert {name: tensor.dtype for name, tensor in model.state_dict().items()} == dict.fromkeys(
        ("0.weight", "0.bias"), torch.float32
    )


@pytest.mark.parametrize("make", [Int8Linear, NF4Linear])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_compiles_as_a_whole(make: Callable[..., Any], dtype: torch.dtype) -> None:
    layer = make(linear(32, 64).weight.detach(), linear(32, 64).bias, dtype)
    inputs = torch.randn(5, 64, requires_grad=True)
    compiled = torch.compile(layer.forward, backend="aot_eager", fullgraph=True, dynamic=True)
    results = []
    for run in (layer.forward, compiled):
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            outputs = run(inputs)
        results += [outputs, *torch.autograd.grad(outputs.sum(), inputs)]
    assert all(map(torch.equal, results[:2], results[2:]))
