from __future__ import annotations

import pytest
import torch

from bench.errors import Unsupported
from bench.measuring.flops import Extent, Matmul, Shapes, count_flops

LENGTHS = (40, 33, 5)


def test_extents() -> None:
    assert Extent.padded(LENGTHS) == Extent(rows=3, tokens=120, pairs=4800)
    assert Extent.packed(LENGTHS, num_pairs=4800) == Extent(rows=3, tokens=78, pairs=4800)
    assert Extent.packed(LENGTHS) == Extent(rows=3, tokens=78, pairs=1600 + 1089 + 25)


def test_nothing_counted_is_an_error() -> None:
    with pytest.raises(Unsupported, match="no matrix product"):
        count_flops(lambda: torch.ones(3) + 1)


def test_a_matmul_without_a_formula_is_an_error_not_zero() -> None:
    with pytest.raises(Unsupported, match=r"no formula is known for aten\.mv"):
        count_flops(lambda: torch.ones(3, 3) @ torch.ones(3, 3) @ torch.ones(3))


def test_shapes_are_plain_values() -> None:
    shapes = Shapes((Matmul("head", 10, "row", backward=1, weight=(5, 1)),))
    assert shapes == Shapes((Matmul("head", 10, "row", backward=1, weight=(5, 1)),))
    assert shapes.flops(Extent(rows=3, tokens=30, pairs=300)).useful == 60
