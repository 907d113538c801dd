from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from bench.errors import PlanConflict, Unsupported
from bench.measuring.torch_memory import num_values, split_peak
from bench.records.readings import Memory
from bench.training.layer_rates import layer_rates
from bench.training.passes.weights import store_introduced, store_weights
from bench.training.savings.quantised_linear import dequantise
from bench.training.step_flops import flops_per_unit
from bench.workload.toy import tiny_llama
from tests.applied import RAGGED, applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import PreTrainedModel

    from bench.training.prepared import Prepared


def store(model: PreTrainedModel, trained: set[str] | None = None, **options: Any) -> None:
    """As a plan that trains everything, in fp32 on the CPU, unless told otherwise."""
    names = {name for name, _ in model.named_parameters()} if trained is None else trained
    plain = {"weights": "fp32", "frozen_weights": None, "precision": torch.float32, "device": torch.device("cpu")}
    store_weights(model, names, **(plain | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("weights", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_weights_have_the_type_of_the_plan_on_the_device(
    weights: str, dtype: torch.dtype, stored: torch.dtype, device: torch.device
) -> None:
    model, wanted = tiny_llama().to(stored), tiny_llama().to(stored)
    store(model, weights=weights, device=device)
    assert {(param.dtype, param.device.type) for param in model.parameters()} == {(dtype, device.type)}
    pairs = zip(model.parameters(), wanted.parameters(), strict=True)
    assert all(torch.equal(found.cpu(), param.to(dtype)) for found, param in pairs)


def test_the_frequencies_of_positions_stay_in_fp32(device: torch.device) -> None:
    model, wanted = tiny_llama(), tiny_llama()
    store(model, weights="bf16", device=device)
    assert all(map(torch.equal, (buffer.cpu() for buffer in model.buffers()), wanted.buffers()))


def test_one_weight_at_a_time_exists_twice() -> None:
    model = tiny_llama().to(torch.bfloat16)
    alive: list[int] = []
    names = list(model.named_parameters())
    parameters = [param for _, param in names]

    def watched() -> Iterator[tuple[str, torch.nn.Parameter]]:
        for name, param in names:
            yield name, param
            alive.append(sum(one.nbytes for one in parameters))

    whole = sum(one.nbytes for one in parameters)
    model.named_parameters = watched  # type: ignore[method-assign, assignment]
    store(model, {name for name, _ in names})
    alive = alive[len(parameters) :]  # the first time they are asked for their names alone
    steps = [after - before for before, after in zip([whole, *alive], alive, strict=False)]
    assert steps == [param.nbytes // 2 for param in parameters]


def test_weights_in_their_type_stay_where_they_are() -> None:
    model = tiny_llama()
    before = [param.data_ptr() for param in model.parameters()]
    store(model)
    assert [param.data_ptr() for param in model.parameters()] == before


def test_what_a_transform_introduced_is_stored_alike_and_nothing_else_is_touched(device: torch.device) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).to(device, torch.bfloat16)
    model.append(nn.BatchNorm1d(2).to(torch.bfloat16))
    store_introduced(model, set(model[0].parameters()), weights="fp32", device=device)
    assert {param.dtype for param in model[0].parameters()} == {torch.bfloat16}
    rest = [*model[1].parameters(), *model[2].parameters(), *model[2].buffers()]
    assert {(one.dtype, one.device.type) for one in rest if one.is_floating_point()} == {(torch.float32, device.type)}


def frozen_body(model: PreTrainedModel) -> set[str]:
    return {name for name, _ in model.base_model.named_parameters(prefix=model.base_model_prefix)}


def test_matrices_that_never_train_have_a_type_of_their_own(device: torch.device) -> None:
    model = tiny_llama()
    store(model, {"score.weight"}, frozen_weights="bf16", precision=torch.bfloat16, device=device)
    types = {name: param.dtype for name, param in model.named_parameters()}
    assert {name for name, dtype in types.items() if dtype == torch.float32} == {
        name for name in types if "norm" in name or name == "score.weight"
    }


@pytest.mark.parametrize(("kind", "mark"), [("int8", "is_loaded_in_8bit"), ("nf4", "is_loaded_in_4bit")])
@pytest.mark.parametrize("name", ["Llama", "Bert", "GPT2"])
def test_linear_layers_that_never_train_are_quantised(
    classifier: Callable[..., PreTrainedModel], name: str, kind: Any, mark: str, device: torch.device
) -> None:
    model, plain = classifier(name), classifier(name)
    frozen = frozen_body(model) - {key for key in frozen_body(model) if ".2." in key}
    trained = {key for key, _ in model.named_parameters()} - frozen
    store(model, trained, frozen_weights=kind, device=device)
    assert getattr(model, mark)
    quantised = {key for key, param in model.named_parameters() if not param.is_floating_point()}
    linears = {
        f"{key}.weight"
        for key, module in plain.base_model.named_modules(prefix=plain.base_model_prefix)
        if isinstance(module, nn.Linear | Conv1D)
    }
    assert quantised == linears & frozen
    assert quantised < linears
    assert sum(map(num_values, model.parameters())) == sum(map(num_values, plain.parameters()))
    assert {param.device.type for param in model.parameters()} == {device.type}
    ids = torch.arange(5, device=device)[None]
    found = model.eval()(input_ids=ids).logits
    assert found.isfinite().all()
    dequantise(model)
    again = model.cpu()(input_ids=ids.cpu()).logits
    torch.testing.assert_close(again, found.cpu(), rtol=1e-3, atol=1e-4)
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert [param.shape for param in model.parameters()] == [param.shape for param in plain.parameters()]


def test_a_model_without_frozen_linear_layers_cannot_be_quantised() -> None:
    model = tiny_llama()
    trained = {name for name, _ in model.named_parameters() if "norm" not in name}
    with pytest.raises(Unsupported, match="no linear layer that never trains"):
        store(model, trained, frozen_weights="nf4")


def test_without_bitsandbytes_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench.training.savings.quantised_linear", raising=False)
    monkeypatch.delattr("bench.training.savings.quantised_linear", raising=False)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(Unsupported, match=re.escape("pip install 'finetune-bench[bnb]'")):
        store(tiny_llama(), set(), frozen_weights="int8")


@pytest.mark.parametrize("kind", ["bf16", "int8", "nf4"])
@pytest.mark.parametrize("precision", ["", "+amp:dtype=bf16"])
def test_frozen_weights_train_what_is_above_them_packed(
    prepared: Callable[..., Prepared], kind: str, precision: str
) -> None:
    if kind == "bf16" and not precision:
        with pytest.raises(PlanConflict, match="add amp, as in freeze"):
            prepared("freeze:last=1+frozen")
        return
    plain = prepared(f"freeze:last=1{precision}")
    ready = prepared(f"freeze:last=1+frozen:weights={kind}{precision}")
    assert ready.why_padded is None
    assert ready.num_params == plain.num_params == sum(rate.num_params for rate in layer_rates(ready))
    assert layer_rates(ready) == layer_rates(plain)
    wanted, found = train_ragged(plain), train_ragged(ready)
    assert found.losses == pytest.approx(wanted.losses, rel=0.05)
    assert found.losses != wanted.losses
    assert work(ready) == work(plain)


def work(ready: Prepared) -> Any:
    """The matrix products of a pass, by layer."""
    shapes, _ = flops_per_unit(ready, RAGGED)
    return sorted((it.layer, it.flops, it.per, it.backward) for it in shapes.matmuls)


def test_memory_of_quantised_weights_is_counted_with_their_scales() -> None:
    ready = applied("freeze+frozen:weights=nf4", tiny_llama(width=64))
    memory = Memory(host_peak_bytes=10**9, host_baseline_bytes=10**6, host_before_bytes=0, method="kernel-hwm")
    parts = split_peak(memory, ready.model, ready.trained, ready.optimizer)
    assert parts is not None
    linears = [module for module in ready.model.modules() if type(module).__name__ == "NF4Linear"]
    packed = sum(module.weight.numel() for module in linears)
    assert 2 * packed == sum(num_values(module.weight) for module in linears)
    others = sum(param.nbytes for param in ready.model.parameters() if param.is_floating_point())
    states = [module.weight.quant_state for module in linears]
    scales = sum(state.absmax.nbytes + state.state2.absmax.nbytes + state.offset.nbytes for state in states)
    assert parts.weights_bytes >= packed + others + scales
    assert parts.weights_bytes < 1.3 * (packed + others + scales) + 2048 * len(linears)


@pytest.mark.parametrize("kind", ["bf16", "int8", "nf4"])
def test_what_is_stored_otherwise_leaves_nothing_in_the_file_that_weights_are_mapped_from(kind: str) -> None:
    model = tiny_llama(width=64)
    in_the_file = {param.data_ptr(): name for name, param in model.named_parameters()}
    held = [param.data for param in model.parameters()]  # so that no other tensor gets their places

    store(model, {"score.weight"}, frozen_weights=kind, precision=torch.bfloat16)

    assert [in_the_file[param.data_ptr()] for param in model.parameters() if param.data_ptr() in in_the_file] == []
    assert len(held) == len(in_the_file)
