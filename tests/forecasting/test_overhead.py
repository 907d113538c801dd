from __future__ import annotations

import pytest

from bench.forecasting.overhead import overhead

MIB = 2**20


@pytest.mark.parametrize(
    ("tensors", "taken"),
    [(195, 248), (9, 22), (68, 107), (145, 192), (188, 245), (1459, 1783), (1459, 1882), (105, 155)],
)
def test_what_was_measured_beyond_tensors_on_a_cpu_lies_within(tensors: int, taken: int) -> None:
    """MiB above the weights: full, freeze, freeze:last=2, checkpoint and amp of minilm-l6; full (twice) and freeze:last=2 of smollm2-135m."""
    low, high = overhead("cpu", card="here", tensors_bytes=(tensors + 90) * MIB, weights_bytes=90 * MIB)
    assert low <= (taken - tensors) * MIB <= high


@pytest.mark.parametrize("held_by_torch", [1.0, 3.0])
def test_what_was_measured_beyond_torch_on_an_h200_lies_within(held_by_torch: float) -> None:
    tensors = round(held_by_torch * 2**30)
    low, high = overhead("cuda", card="h200-141gb", tensors_bytes=tensors, weights_bytes=0)
    assert (low, high) == (751 * MIB, 781 * MIB + round(0.15 * tensors))


def test_where_it_was_not_measured_it_is_less_certain() -> None:
    (low, high), other = (
        overhead("cuda", card=card, tensors_bytes=2**30, weights_bytes=0) for card in ("h200-141gb", "t4-16gb")
    )
    assert other[0] < low < high < other[1]
