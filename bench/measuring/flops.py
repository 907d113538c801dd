"""FLOPs of a training step for the strategy as it runs: counted, and by a closed formula.

Both count the same thing, 2 per multiply-add of every matmul and nothing else:

- a linear layer (nn.Linear, GPT-2's Conv1D): 2 x weights for every position it sees. Backward
  costs as much again for the gradient of its input and once more for that of its weight, each
  only where something needs it: a frozen weight has no gradient, and below the lowest trained
  parameter there is no backward at all. Adapters are linear layers of their own.
- attention: 2 x heads x head_dim for every pair of query and key, once for the scores and once
  for the values; backward twice each. Causality is not taken off: pairs that a mask hides count.
- recomputed: fused attention computes its scores again in backward, and an activation
  checkpoint the forward of its module. `count_flops` sees it; the formula leaves it out, as MFU does.

Norms, softmax, activations, embeddings, the loss and the optimizer count nothing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper

from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["Extent", "Flops", "Matmul", "Shapes", "Unit", "count_flops", "formula_of", "is_matmul"]


Unit = Literal["row", "token", "pair"]
"""What the size of a matmul grows with; a pair is one of query and key."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of one forward pass."""

    rows: int
    tokens: int
    """Positions that the layers see."""
    pairs: int
    """Pairs of query and key that attention sees, masked ones too."""

    @classmethod
    def padded(cls, lengths: Sequence[int]) -> Extent:
        """Return the extent of rows of these lengths, each padded to the longest."""
        rows, longest = len(lengths), max(lengths)
        return cls(rows, rows * longest, rows * longest**2)

    @classmethod
    def packed(cls, lengths: Sequence[int], *, num_pairs: int | None = None) -> Extent:
        """Return the extent of rows packed end to end; attention sees `num_pairs`, or each row at its own length."""
        pairs = sum(length**2 for length in lengths) if num_pairs is None else num_pairs
        return cls(len(lengths), sum(lengths), pairs)


@dataclass(frozen=True, slots=True)
class Matmul:
    """One matmul of the forward pass, and how many of its size backward adds."""

    layer: str
    flops: int
    """For one unit of `per`."""
    per: Unit
    backward: int = 0
    """Matmuls of the same size that compute gradients: 0, 1 or 2."""
    weight: tuple[int, int] | None = None
    """Inputs and outputs of a linear layer; None in attention."""


@dataclass(frozen=True, slots=True)
class Flops:
    """Floating-point operations of a step, without what is recomputed."""

    forward: int
    backward: int

    @property
    def useful(self) -> int:
        """What the step needs, however it is run: the numerator of MFU."""
        return self.forward + self.backward


@dataclass(frozen=True, slots=True)
class Shapes:
    """The matmuls of one model under one strategy, as `bench.measuring.matmuls.read_shapes` finds them."""

    matmuls: tuple[Matmul, ...]

    def flops(self, extent: Extent, *, cached: Collection[str] = ()) -> Flops:
        """Return the FLOPs of one forward and backward pass, which runs none of the `cached` layers."""
        units = {"row": extent.rows, "token": extent.tokens, "pair": extent.pairs}
        sized = [(units[it.per] * it.flops, it) for it in self.matmuls if it.layer not in cached]
        return Flops(
            forward=sum(size for size, _ in sized),
            backward=sum(size * it.backward for size, it in sized),
        )


def count_flops(run: Callable[[], object]) -> int:
    """Count the FLOPs that `run` executes, including backward passes.

    Counting slows every operation down: never count a step that is timed. The kernels of a compiled
    model are not seen: count the model before compilation.

    Raises:
        Unsupported: nothing was counted, or a matmul ran for which no formula is known.

    """
    counter = _Counter()
    with counter:
        run()
    if counter.missed:
        raise Unsupported(f"cannot count FLOPs: no formula is known for {', '.join(sorted(counter.missed))}")
    if not counter.flops:
        raise Unsupported("cannot count FLOPs: no matrix product was seen; a compiled model hides them")
    return counter.flops


def _attention_flops(query: Sequence[int], key: Sequence[int], value: Sequence[int]) -> tuple[int, int]:
    """Return the FLOPs of the scores and of the values; query is (rows, heads, queries, head_dim)."""
    pairs = 2 * query[0] * query[1] * query[2] * key[2]
    return pairs * query[3], pairs * value[3]


def _cpu_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sum(_attention_flops(query, key, value))


def _cpu_attention_backward(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
    """Count the recomputed scores, and the gradients of query, key, value and scores."""
    scores, values = _attention_flops(query, key, value)
    return 3 * scores + 2 * values


def _linear(inputs: Sequence[int], weight: Sequence[int], *_: Any, **__: Any) -> int:
    return 2 * prod(inputs) * weight[0]


_aten = torch.ops.aten
_FORMULAS: dict[Any, Callable[..., int]] = {
    _aten._scaled_dot_product_flash_attention_for_cpu: shape_wrapper(_cpu_attention),  # noqa: SLF001
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: shape_wrapper(_cpu_attention_backward),  # noqa: SLF001
}
"""Formulas that torch lacks: without them attention on a CPU counts as nothing."""
with suppress(AttributeError):  # the operator of `bench.training.savings.onednn_linear`, if this torch has it
    _FORMULAS[torch.ops.mkldnn._linear_pointwise] = shape_wrapper(_linear)  # noqa: SLF001

_MATMUL = re.compile(r"(mm|mv|dot)$|attention|linear|convolution")


def formula_of(packet: Any) -> Callable[..., int] | None:
    """Return what computes the FLOPs of an operation of torch from its arguments and its result (`out_val`); None where it has none."""
    formula: Callable[..., int] | None = _FORMULAS.get(packet) or flop_registry.get(packet)
    return formula


def is_matmul(packet: Any) -> bool:
    """Whether an operation of torch multiplies matrices, by its name."""
    return bool(_MATMUL.search(packet.__name__))


class _Counter(TorchDispatchMode):
    """Adds up the FLOPs of the matmuls that run, by torch's formulas and ours.

    torch's FlopCounterMode also adds them up by module, which takes twice the time, and ignores a matmul
    that it has no formula for.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.missed: set[str] = set()
        """Matmuls without a formula."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "overloadpacket", func)
        formula = formula_of(packet)
        if formula is None and packet is not func and func.namespace != "prim":  # those are questions to a tensor
            with self:  # an operation that torch composes of others is counted as they run
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        elif is_matmul(packet):
            self.missed.add(str(packet))
        return result
