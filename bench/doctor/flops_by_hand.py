"""FLOPs of one step of the doctor's model, computed by hand."""

from __future__ import annotations

__all__ = ["forward_flops", "freeze_flops", "full_flops"]

NUM_LAYERS, NUM_LABELS = 4, 2


def forward_flops(*, width: int, rows: int, length: int) -> int:
    """Count a forward pass of `bench.workload.toy.tiny_llama` over packed rows of one length.

    2 FLOPs per multiply-add. Queries and outputs are as wide as the model, keys and values half
    as wide, the three matmuls of the MLP twice. Of the last layer only the last token of each
    row is computed further, and attends to all keys of its row.
    """
    tokens = rows * length
    keys_and_values = 2 * width * (width // 2)
    others = 2 * width * width + 3 * width * (2 * width)
    layer = 2 * tokens * (keys_and_values + others) + 4 * width * rows * length**2
    last = 2 * tokens * keys_and_values + 2 * rows * others + 4 * width * rows * length
    return (NUM_LAYERS - 1) * layer + last + _head(width, rows)


def full_flops(*, width: int, rows: int, length: int) -> int:
    """Count a step that trains everything: backward adds two matmuls to each, for its input and its weight."""
    return 3 * forward_flops(width=width, rows=rows, length=length)


def freeze_flops(*, width: int, rows: int, length: int) -> int:
    """Count a step that trains the head alone: backward has one matmul, for the head's weight."""
    return forward_flops(width=width, rows=rows, length=length) + _head(width, rows)


def _head(width: int, rows: int) -> int:
    return 2 * rows * width * NUM_LABELS
