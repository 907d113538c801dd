from __future__ import annotations

import pytest

from bench.errors import UnknownName
from bench.forecasting.cards import Card, card_of
from bench.forecasting.duration import Bounds, Speed
from bench.measuring.datasheets import DATASHEETS


@pytest.mark.parametrize("name", DATASHEETS)
def test_a_card_never_exceeds_its_datasheet_in_arithmetic(name: str) -> None:
    card = card_of(name)
    for kind, (low, high) in card.speed.flops_per_second.items():
        assert 0 < low < high < DATASHEETS[name].teraflops[kind] * 1e12
    assert card.has_native_bf16 == (not name.startswith(("t4", "v100")))


def test_an_unknown_card_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"unknown card 'h100'\. Did you mean h100-80gb\? Known: a10-24gb, .*here"):
        card_of("h100")


@pytest.mark.parametrize(
    ("peak", "expected"), [((50, 100), "fits"), ((50, 101), "may not fit"), ((101, 150), "does not fit")]
)
def test_what_fits_fits_at_its_largest(peak: tuple[int, int], expected: str) -> None:
    speed = Speed(flops_per_second={}, bytes_per_second=Bounds(1, 1), launch_seconds=Bounds(1, 1))
    assert Card(name="x", kind="cuda", memory_bytes=100, speed=speed, source="").fit(peak) == expected
