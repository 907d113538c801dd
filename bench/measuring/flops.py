"""FLOPs of a training step for the strategy as it runs: counted, and by a closed formula.

Both count the same thing, 2 per multiply-add of every matrix product and nothing else:

- a linear layer (nn.Linear, GPT-2's Conv1D): 2 x weights for every position it sees. Backward
  costs as much again for the gradient of its input and once more for that of its weight, each
  only where something needs it: a frozen weight has no gradient, and below the lowest trained
  parameter there is no backward at all. Adapters are linear layers of their own.
- attention: 2 x heads x head_dim for every pair of query and key, once for the scores and once
  for the values; backward twice each. Causality is not taken off: pairs that a mask hides count.
- made again: fused attention makes its scores once more in backward, and an activation
  checkpoint the forward of its module. Executed, but no useful work: `Flops.useful` is without.

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

__all__ = ["Extent", "Flops", "Product", "Shapes", "Unit", "count_flops"]


Unit = Literal["row", "token", "pair"]
"""What a product is made once for; a pair is one of query and key."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much one forward pass works on."""

    rows: int
    tokens: int
    """Positions that the layers see."""
    pairs: int
    """Pairs of query and key that attention sees, masked ones too."""

    @classmethod
    def padded(cls, lengths: Sequence[int]) -> Extent:
        """Rows of these lengths, each padded to the longest."""
        rows, longest = len(lengths), max(lengths)
        return cls(rows, rows * longest, rows * longest**2)

    @classmethod
    def packed(cls, lengths: Sequence[int], *, num_pairs: int | None = None) -> Extent:
        """Rows of these lengths end to end; attention takes each at its own length unless it sees `num_pairs`."""
        pairs = sum(length**2 for length in lengths) if num_pairs is None else num_pairs
        return cls(len(lengths), sum(lengths), pairs)


@dataclass(frozen=True, slots=True)
class Product:
    """One matrix product of the forward pass, and how often backward repeats it."""

    layer: str
    flops: int
    """Of one unit of `per`."""
    per: Unit
    backward: int = 0
    """Products of the same size that gradients take: 0, 1 or 2."""
    again: int = 0
    """Products of the same size that backward makes only because they were not kept."""
    weight: tuple[int, int] | None = None
    """Inputs and outputs of a linear layer; None in attention."""


@dataclass(frozen=True, slots=True)
class Flops:
    """Floating-point operations of a step, by what they are for."""

    forward: int
    backward: int
    again: int
    """Made a second time, in backward."""

    @property
    def useful(self) -> int:
        """What the step needs, however it is run: the measure of MFU."""
        return self.forward + self.backward

    @property
    def executed(self) -> int:
        """What the machine does, and `count_flops` counts."""
        return self.useful + self.again


@dataclass(frozen=True, slots=True)
class Shapes:
    """The products of one model under one strategy; `bench.measuring.matmuls.read_shapes` reads them."""

    products: tuple[Product, ...]

    def flops(self, extent: Extent, *, cached: Collection[str] = ()) -> Flops:
        """Give the FLOPs of one forward and backward pass.

        Args:
            extent: Of the batch.
            cached: Layers that the step does not run, since their output is stored.

        """
        units = {"row": extent.rows, "token": extent.tokens, "pair": extent.pairs}
        sized = [(units[it.per] * it.flops, it) for it in self.products if it.layer not in cached]
        return Flops(
            forward=sum(size for size, _ in sized),
            backward=sum(size * it.backward for size, it in sized),
            again=sum(size * it.again for size, it in sized),
        )


def count_flops(run: Callable[[], object]) -> int:
    """Count the FLOPs that `run` executes, backward passes inside it included.

    Counting slows each operation down: never count a step that is timed. What torch.compile
    made is not seen: count the model that it was made from.

    Raises:
        Unsupported: nothing was counted, or a product ran for which no formula is known.

    """
    counter = _Counter()
    with counter:
        run()
    if counter.missed:
        msg = f"cannot count FLOPs: no formula is known for {', '.join(sorted(counter.missed))}"
        raise Unsupported(msg)
    if not counter.flops:
        msg = "cannot count FLOPs: no matrix product was seen; a compiled model hides them"
        raise Unsupported(msg)
    return counter.flops


def _attention_flops(query: Sequence[int], key: Sequence[int], value: Sequence[int]) -> tuple[int, int]:
    """Of the scores and of the values: query is (rows, heads, queries, head_dim)."""
    pairs = 2 * query[0] * query[1] * query[2] * key[2]
    return pairs * query[3], pairs * value[3]


def _cpu_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sum(_attention_flops(query, key, value))


def _cpu_attention_backward(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
    """Make the scores again, then the gradients of query, key and value, and of the scores."""
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
with suppress(AttributeError):  # the product of `bench.training.savings.onednn_linear`, if this torch has it
    _FORMULAS[torch.ops.mkldnn._linear_pointwise] = shape_wrapper(_linear)  # noqa: SLF001

_PRODUCT = re.compile(r"(mm|mv|dot)$|attention|linear|convolution")


class _Counter(TorchDispatchMode):
    """Adds up the FLOPs of the products that run, by torch's formulas and ours.

    torch's FlopCounterMode adds them up by module too, which takes twice the time, and passes over a product
    that it has no formula for.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.missed: set[str] = set()
        """Products without a formula."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "overloadpacket", func)
        formula = _FORMULAS.get(packet) or flop_registry.get(packet)
        if formula is None and packet is not func:
            with self:  # what torch makes of other operations is counted as they run
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        elif _PRODUCT.search(packet.__name__):
            self.missed.add(str(packet))
        return result
