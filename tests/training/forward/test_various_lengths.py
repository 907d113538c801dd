from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.training.forward.layout import bounds_of
from bench.training.forward.various_lengths import NoKernel, attend
from tests.gpu_kernels import as_on_a_gpu

BOUNDS = bounds_of(np.array([1, 5, 3]))


def attended(parts: list[torch.Tensor], **options: object) -> torch.Tensor:
    return attend(
        *parts, BOUNDS.places, BOUNDS.places, most_queries=5, longest=5, **{"causal": True, "scale": None, **options}
    )


def drawn() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(9, heads, 8, generator=draw).requires_grad_() for heads in (4, 2, 2)]


def test_compiled_it_computes_and_teaches_the_same() -> None:
    parts = drawn()
    with as_on_a_gpu():
        outputs = attended(parts)
        wanted = [outputs.detach(), *torch.autograd.grad(outputs, parts, torch.ones_like(outputs))]
        compiled = torch.compile(attended, backend="aot_eager", fullgraph=True, dynamic=True)(parts)
        found = [compiled.detach(), *torch.autograd.grad(compiled, parts, torch.ones_like(compiled))]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("options", [{"window": 2}, {"window": 9}])
def test_what_no_kernel_computes_is_refused(options: dict[str, object]) -> None:
    with as_on_a_gpu(), pytest.raises(NoKernel, match="has a window in fp32"):
        attended(drawn(), **options)
