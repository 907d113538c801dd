"""What every way to run a model can be asked, and that nobody asks which way it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench.errors import Unsupported
from bench.measuring.flops import Extent
from bench.training.forward.cached import CachedForward
from bench.training.forward.layout import num_pairs
from bench.training.forward.packed import GRAIN, PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.precision import Precision
from bench.workload.toy import tiny_llama, toy_split

if TYPE_CHECKING:
    from bench.training.forward.base import Forward

BENCH = Path(__file__).parents[3] / "bench"
SPLIT = toy_split(40)
LENGTHS = SPLIT.lengths[:5]
HALVES = Extent.packed(LENGTHS.tolist(), num_pairs=num_pairs(LENGTHS))
"""Attention pads the shorter half of the rows, and the longer one."""


def cached(inner: PackedForward, num_layers: int) -> CachedForward:
    return CachedForward(inner, num_layers=num_layers, precision=Precision(torch.float32, torch.device("cpu")))


def packed(*, various_lengths: bool = False) -> PackedForward:
    model = tiny_llama()
    return PackedForward(model, model, various_lengths=various_lengths)


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (PaddedForward(tiny_llama(), 0), Extent.padded(LENGTHS.tolist())),
        (packed(), HALVES),
        (packed(various_lengths=True), Extent.packed(LENGTHS.tolist())),
        (cached(packed(), 2), HALVES),
        (cached(packed(various_lengths=True), 4), Extent.packed(LENGTHS.tolist())),
    ],
)
def test_the_extent_of_a_pass_is_what_attention_and_layers_see(forward: Forward, expected: Extent) -> None:
    assert forward.extent(LENGTHS) == expected
    assert HALVES.pairs > sum(LENGTHS**2)


def test_kernels_are_chosen_by_rows_and_tokens() -> None:
    lengths = np.array([GRAIN, 1, 2])
    assert PaddedForward(tiny_llama(), 0).kernel_size(lengths) == (3, GRAIN)
    inner = packed()
    assert inner.kernel_size(lengths) == cached(inner, 1).kernel_size(lengths) == (3, 2)


def test_packed_layers_can_run_apart_and_padded_ones_cannot() -> None:
    inner = packed()
    assert inner.layered() is inner
    with pytest.raises(Unsupported, match="here the model is padded"):
        PaddedForward(tiny_llama(), 0).layered()


def test_nobody_asks_which_way_a_model_is_run() -> None:
    ways = re.compile(r"\b(PackedForward|RowsForward|PaddedForward|GRAIN)\b")
    rooms = BENCH / "training" / "forward"
    assert [
        str(file) for file in BENCH.rglob("*.py") if rooms not in file.parents and ways.search(file.read_text())
    ] == []
    asked = re.compile(r"isinstance\([^)]*Forward\b")
    assert [file.name for file in BENCH.rglob("*.py") if asked.search(file.read_text())] == []
