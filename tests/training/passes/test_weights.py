from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.training.passes.weights import store_weights
from bench.workload.toy import tiny_llama

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("weights", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_weights_have_the_type_of_the_plan_on_the_device(
    weights: str, dtype: torch.dtype, stored: torch.dtype, device: torch.device
) -> None:
    model, wanted = tiny_llama().to(stored), tiny_llama().to(stored)
    store_weights(model, weights, device)  # type: ignore[arg-type]
    assert {(param.dtype, param.device.type) for param in model.parameters()} == {(dtype, device.type)}
    pairs = zip(model.parameters(), wanted.parameters(), strict=True)
    assert all(torch.equal(found.cpu(), param.to(dtype)) for found, param in pairs)


def test_the_frequencies_of_positions_stay_in_fp32(device: torch.device) -> None:
    model, wanted = tiny_llama(), tiny_llama()
    store_weights(model, "bf16", device)
    assert all(map(torch.equal, (buffer.cpu() for buffer in model.buffers()), wanted.buffers()))


def test_one_weight_at_a_time_exists_twice() -> None:
    model = tiny_llama().to(torch.bfloat16)
    alive: list[int] = []
    parameters = list(model.parameters())

    def watched() -> Iterator[torch.nn.Parameter]:
        for param in parameters:
            yield param
            alive.append(sum(one.nbytes for one in parameters))

    model.parameters = watched  # type: ignore[method-assign, assignment]
    whole = sum(one.nbytes for one in parameters)
    store_weights(model, "fp32", torch.device("cpu"))
    steps = [after - before for before, after in zip([whole, *alive], alive, strict=False)]
    assert steps == [param.nbytes // 2 for param in parameters]


def test_weights_in_their_type_stay_where_they_are() -> None:
    model = tiny_llama()
    before = [param.data_ptr() for param in model.parameters()]
    store_weights(model, "fp32", torch.device("cpu"))
    assert [param.data_ptr() for param in model.parameters()] == before
