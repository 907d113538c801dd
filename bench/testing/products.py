"""Counts the products of a training step by torch's own counter, apart from the formula that the report goes by."""

from __future__ import annotations

import re
from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["Counted"]


def _scores_and_values(query: Sequence[int], key: Sequence[int], value: Sequence[int]) -> int:
    """Two products of (rows, heads, queries, width): 2 FLOPs for each number that is multiplied and added."""
    return 2 * prod(query[:3]) * key[2] * (query[3] + value[3])


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return _scores_and_values(query, key, value)


def _attention_backward(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
    """Four products: of each in the forward pass two. That the kernel computes the scores once more is not useful."""
    return 2 * _scores_and_values(query, key, value)


def _linear(inputs: Sequence[int], weight: Sequence[int], *_: Any, **__: Any) -> int:
    return 2 * prod(inputs) * weight[0]


_aten = torch.ops.aten
_OF_CPU: dict[Any, Callable[..., int]] = {
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,  # noqa: SLF001
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,  # noqa: SLF001
}
"""Which torch's counter does not know."""
with suppress(AttributeError):
    _OF_CPU[torch.ops.mkldnn._linear_pointwise] = _linear  # noqa: SLF001

_LIKE_A_PRODUCT = re.compile(r"(mm|mv|dot)$|attention|linear$|convolution|fft|linalg|solve|svd|inverse")
_NO_WORK = re.compile("^(linalg_vector_norm|_linalg_check_errors)$")


class _Uncounted(TorchDispatchMode):
    """The operations that are work as products are, and that the counter passes over."""

    def __init__(self, known: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = known
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        name = packet.__name__
        if packet not in self._known and _LIKE_A_PRODUCT.search(name) and not _NO_WORK.match(name):
            self.names.add(name)
        return func(*args, **(kwargs or {}))


class Counted:
    """FLOPs of the products of one step that is run: of its forward passes with their loss, and of the whole."""

    def __init__(self, prepared: Prepared, split: Split, rows: NDArray[np.int64]) -> None:
        """Run the step, but for the optimizer."""
        counter = FlopCounterMode(display=False, custom_mapping=_OF_CPU)
        uncounted = _Uncounted(counter.flop_registry)
        with torch.random.fork_rng(devices=[]), torch.compiler.set_stance("force_eager"), uncounted, counter:
            self.forward = 0
            for part in prepared.parts(rows):
                before = counter.get_total_flops()
                with prepared.precision.forward():
                    loss = prepared.loss(prepared.batch(split, part))
                self.forward += counter.get_total_flops() - before
                loss.backward()
        self.whole = counter.get_total_flops()
        self.uncounted = sorted(uncounted.names)
        prepared.optimizer.zero_grad(set_to_none=True)
