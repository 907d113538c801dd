from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bench.errors import Unsupported
from bench.training.precision import Precision, observe_dtypes, resolve_dtype

CPU = torch.device("cpu")


def setup(dtype: torch.dtype) -> tuple[Precision, nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    return Precision(dtype, CPU), model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_matrix_products_run_in_the_type_asked_for_over_fp32_weights(dtype: torch.dtype) -> None:
    precision, model, _ = setup(dtype)
    with observe_dtypes(model) as seen, precision.forward():
        model(torch.ones(3, 4))
    assert seen == {dtype}
    assert model.weight.dtype == torch.float32
    with precision.forward():
        assert torch.is_autocast_enabled("cpu") == (dtype != torch.float32)
    with observe_dtypes(model) as again:
        pass
    model(torch.ones(3, 4))
    assert again == set()


def test_only_fp16_scales() -> None:
    assert {dtype: setup(dtype)[0].scaler.is_enabled() for dtype in (torch.float32, torch.bfloat16, torch.float16)} == {
        torch.float32: False,
        torch.bfloat16: False,
        torch.float16: True,
    }


def test_an_overflow_skips_the_step_is_counted_and_lowers_the_scale() -> None:
    precision, model, optimizer = setup(torch.float16)
    before = model.weight.detach().clone()
    scale = precision.scaler.get_scale()
    with precision.forward():
        loss = model(torch.ones(3, 4)).float().sum()
    precision.backward(loss * torch.tensor(float("inf")))
    precision.step(optimizer, model.parameters(), 1.0)
    assert precision.was_skipped()
    assert precision.num_skipped_steps == 1
    assert precision.scaler.get_scale() < scale
    assert before.equal(model.weight)
    optimizer.zero_grad()
    precision.backward(model(torch.ones(3, 4)).sum())
    precision.step(optimizer, model.parameters(), 1.0)
    assert not precision.was_skipped()
    assert precision.num_skipped_steps == 1
    assert not before.equal(model.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_gradients_are_clipped_after_they_are_unscaled(dtype: torch.dtype) -> None:
    precision, model, _ = setup(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = model.weight.detach().clone()
    precision.backward(1000 * model(torch.ones(1, 4)).sum())
    precision.step(optimizer, [model.weight], 0.5)
    assert float((before - model.weight.detach()).norm()) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16", "bf16"])
def test_amp_is_bf16_on_a_cpu_that_does_it_natively(monkeypatch: pytest.MonkeyPatch, feature: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, feature: True})
    assert resolve_dtype("amp", CPU) == torch.bfloat16


def test_amp_is_skipped_on_a_cpu_that_does_not_unless_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    with pytest.raises(Unsupported, match="no native bf16"):
        resolve_dtype("amp", CPU)
    assert resolve_dtype("bf16", CPU) == torch.bfloat16
    assert resolve_dtype("fp16", CPU) == torch.float16
    assert resolve_dtype("fp32", CPU) == torch.float32


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_amp_is_what_the_gpu_does_natively(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Tesla T4")
    assert resolve_dtype("amp", gpu) == dtype
    if native:
        assert resolve_dtype("bf16", gpu) == torch.bfloat16
    else:
        with pytest.raises(Unsupported, match="Tesla T4 has no native bf16"):
            resolve_dtype("bf16", gpu)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_clipping_inside_a_fused_step_equals_clipping_before_it(size: float) -> None:
    """AdamW forgets the size of its gradients in its steps, but not in its second moment."""
    precision, model, optimizer = setup(torch.float32)
    plain = setup(torch.float32)[1]
    other = torch.optim.AdamW(plain.parameters(), lr=0.1)
    for factor in (1.0, 5.0, 0.2):
        for module in (model, plain):
            (module(torch.arange(12.0).view(3, 4)).sum() * size * factor).backward()
        precision.step(optimizer, model.parameters(), 0.5)
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        other.step()
        for one in (optimizer, other):
            one.zero_grad()
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            optimizer.state[ours]["exp_avg_sq"], other.state[theirs]["exp_avg_sq"], rtol=1e-4, atol=0.0
        )


class Around(torch.optim.Optimizer):
    """It hands on whatever is asked of it to a fused optimizer, and steps that."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def step(self) -> None:  # type: ignore[override]
        self.inner.step()


class Extended(torch.optim.AdamW):
    """It makes its own step, though torch's would have been fused."""

    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["exp_avg_sq"] = 1e-3 * param.grad**2


@pytest.mark.parametrize("kind", ["wrapped", "extended"])
def test_gradients_are_clipped_for_optimizers_that_do_not_clip_themselves(kind: str) -> None:
    precision, model, fused = setup(torch.float32)
    optimizer = Around(fused) if kind == "wrapped" else Extended(model.parameters(), fused=True)
    (model(torch.arange(12.0).view(3, 4)).sum() * 1e3).backward()
    precision.step(optimizer, model.parameters(), 0.5)

    states = (fused if kind == "wrapped" else optimizer).state.values()
    squared_norm = sum(float(state["exp_avg_sq"].sum()) for state in states) / 1e-3
    assert squared_norm == pytest.approx(0.25, rel=1e-3)


def test_a_step_leaves_nothing_in_the_optimizer_but_its_state() -> None:
    precision, model, optimizer = setup(torch.float32)
    before = set(vars(optimizer))
    model(torch.ones(3, 4)).sum().backward()
    precision.step(optimizer, model.parameters(), 0.5)

    assert set(vars(optimizer)) == before
