from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.training.forward.rule import OPERATIONS, way_by_counts, way_on_cpu
from bench.workload.toy import tiny_llama, toy_split
from tests.applied import applied
from tests.launches import Launches

if TYPE_CHECKING:
    from bench.experiment.ways import Way

SMOLLM2 = {"width": 576, "layer_weights": 3_540_096}
MINILM = {"width": 384, "layer_weights": 1_774_464}
TINY = {"width": 64, "layer_weights": 49_280}


def chosen(*lengths: int, **model: int) -> Way:
    return way_by_counts([np.array(lengths)], width=model["width"], layer_weights=model["layer_weights"])


def test_the_presets_are_packed_wherever_there_is_padding() -> None:
    for model in (SMOLLM2, MINILM):
        assert chosen(*range(10, 42, 2), **model) == "packed-spread"
        assert chosen(*[24] * 14, 28, 28, **model) == "packed-spread"
        assert chosen(*[24] * 16, **model) == "rows"


def test_a_tiny_model_takes_a_little_padding_for_fewer_operations_and_not_much() -> None:
    assert chosen(*range(13, 17), **TINY) == "rows"
    assert chosen(4, *[16] * 7, 120, **TINY) == "packed-spread"


def test_all_passes_count() -> None:
    even, ragged = np.full(16, 16), np.array([2, 2, 2, 100])
    assert way_by_counts([ragged], width=64, layer_weights=49_280) == "packed-spread"
    assert way_by_counts([ragged, *[even] * 40], width=64, layer_weights=49_280) == "rows"


def test_passes_are_those_of_the_batches_of_an_epoch() -> None:
    lengths = np.array([8, 80] * 8)
    model = tiny_llama()
    assert way_on_cpu(model, lengths, 8, None) == "rows", "rows of a batch are alike in length"
    assert way_on_cpu(model, lengths, 16, None) == "packed-spread"
    assert way_on_cpu(model, lengths, 16, 1) == "rows"


def test_spreading_starts_so_many_operations_in_a_layer() -> None:
    """Counted in a layer of Llama's with fewer key heads than heads, forward and backward."""
    split, rows = toy_split(8, shortest=9, longest=9), np.arange(8)

    def started(way: Way, num_layers: int) -> int:
        prepared = applied("full", tiny_llama(num_layers=num_layers), split=split, way=way)
        with Launches() as launches:
            prepared.loss(prepared.batch(split, rows)).backward()
        return launches.num

    per_layer = {way: (started(way, 6) - started(way, 4)) / 2 for way in ("packed-spread", "rows")}
    assert per_layer["packed-spread"] - per_layer["rows"] == pytest.approx(OPERATIONS, abs=1)
