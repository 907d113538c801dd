from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.measuring.flops import count_flops
from bench.training.savings import onednn_linear as module
from bench.training.savings.onednn_linear import is_by_onednn, linear, linear_for, multiply_by_onednn

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"),
    reason="this torch carries no oneDNN, or has renamed its product",
)


@pytest.fixture
def all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take layers of any size to oneDNN, so that tests of it may be small."""
    monkeypatch.setattr(module, "MIN_MULTIPLY_ADDS", 0)


def tensors(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


@pytest.mark.usefixtures("all_sizes")
@pytest.mark.parametrize("leading", [(), (1,), (7,), (1, 13), (2, 3, 4)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_it_answers_and_learns_like_torch(leading: tuple[int, ...], has_bias: bool) -> None:
    given = tensors((*leading, 24), (40, 24), (40,))[: 3 if has_bias else 2]
    grad = torch.randn(*leading, 40)

    found, wanted = linear(*given), functional.linear(*given)

    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, given, grad), torch.autograd.grad(wanted, given, grad))


def by_autograd(result: torch.Tensor) -> str:
    """Name what made a tensor, behind the views of it."""
    node: Any = result.grad_fn
    while "View" in node.name():
        node = node.next_functions[0][0]
    return str(node.name())


@pytest.mark.parametrize(("rows", "expected"), [(19, "torch"), (20, "oneDNN")])
def test_small_layers_stay_with_torch(rows: int, expected: str) -> None:
    inputs, weight = tensors((rows, 1000), (1000, 1000))
    assert (rows * 1000 * 1000 >= module.MIN_MULTIPLY_ADDS) is (expected == "oneDNN")

    for result in (linear(inputs, weight), linear(inputs.unsqueeze(0), weight)):
        assert ("Product" in by_autograd(result)) is (expected == "oneDNN"), by_autograd(result)


@pytest.mark.usefixtures("all_sizes")
@pytest.mark.parametrize("leading", [(7,), (1, 7), (2, 3, 4)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_its_result_may_be_added_to_in_place(leading: tuple[int, ...], has_bias: bool) -> None:
    given = tensors((*leading, 24), (40, 24), (40,))[: 3 if has_bias else 2]
    other = torch.randn(*leading, 40, requires_grad=True)

    def run(function: Any) -> tuple[torch.Tensor, ...]:
        result = function(*given)
        result += other
        result[..., 0] *= 2
        return (result, *torch.autograd.grad(result.square().sum(), [*given, other]))

    torch.testing.assert_close(run(linear), run(functional.linear))


@pytest.mark.usefixtures("all_sizes")
def test_nothing_is_kept_for_a_gradient_that_nobody_wants() -> None:
    inputs, weight = tensors((7, 24), (40, 24))
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        linear(inputs, weight.detach())
        linear(inputs.detach(), weight)
        linear(inputs.detach(), weight.detach())

    assert [tuple(tensor.shape) for tensor in kept] == [(40, 24), (7, 24)]


@pytest.mark.slow
@pytest.mark.parametrize("least", [0, 1 << 60], ids=["large", "small"])
def test_it_compiles_as_a_whole_and_once_for_all_sizes(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(module, "MIN_MULTIPLY_ADDS", least)
    weight, bias = tensors((40, 24), (40,))
    compiled = torch.compile(lambda *given: linear(*given).relu(), dynamic=True, fullgraph=True)

    for rows in (5, 9):
        (inputs,) = tensors((rows, 24))
        given = (inputs, weight, bias)
        with torch.compiler.set_stance("default" if rows == 5 else "fail_on_recompile"):
            found = compiled(*given)
        wanted = functional.linear(*given).relu()
        torch.testing.assert_close(found, wanted)
        pairs = (torch.autograd.grad(result.sum(), given) for result in (found, wanted))
        torch.testing.assert_close(*pairs)


class Listener(torch.overrides.TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.heard.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.usefixtures("all_sizes")
def test_who_listens_hears_a_linear_layer_and_counts_its_flops() -> None:
    inputs, weight = tensors((7, 24), (40, 24))
    listener = Listener()

    def run() -> None:
        with listener:
            linear(inputs, weight)

    assert count_flops(run) == 2 * 7 * 24 * 40
    assert functional.linear in listener.heard


@pytest.mark.parametrize(("cpu", "avx512", "dtype", "device", "expected"), [
    ("AMD EPYC 9654 96-Core Processor", True, torch.float32, CPU, True),
    ("AMD EPYC 9654 96-Core Processor", True, torch.bfloat16, CPU, False),
    ("AMD EPYC 9654 96-Core Processor", True, torch.float32, CUDA, False),
    ("AMD EPYC 7763 64-Core Processor", False, torch.float32, CPU, False),
    ("Intel(R) Xeon(R) Platinum 8480+", True, torch.float32, CPU, False),
])  # fmt: skip
def test_it_is_for_fp32_on_a_cpu_of_amd_with_avx512(
    monkeypatch: pytest.MonkeyPatch, cpu: str, dtype: torch.dtype, device: torch.device, *, avx512: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": cpu, "avx512_f": avx512})
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)

    assert is_by_onednn(dtype, device) is expected
    assert linear_for(dtype, device) is (linear if expected else functional.linear)


def test_a_torch_whose_product_has_another_name_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "AMD EPYC", "avx512_f": True})
    monkeypatch.setattr(torch.ops, "mkldnn", object())

    assert not is_by_onednn(torch.float32, CPU)


def test_linear_layers_in_fp32_are_changed_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Special(nn.Linear):
        """Somebody else's."""

    model = nn.Sequential(nn.Linear(8, 6), Special(6, 4), nn.Linear(4, 2).bfloat16())
    calls: list[torch.Size] = []

    def note(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        calls.append(weight.shape)
        return functional.linear(inputs, weight, bias)

    monkeypatch.setattr(module, "linear", note)
    multiply_by_onednn(model)
    model[:2](torch.randn(3, 8))

    assert calls == [(6, 8)]
    assert all(isinstance(layer, nn.Linear) for layer in model)
    assert type(model[2]) is nn.Linear
    assert list(dict(model.named_parameters())) == ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]
