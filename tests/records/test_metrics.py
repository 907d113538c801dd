from __future__ import annotations

import pytest

from bench.records.metrics import METRICS, format_flops


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("step_flops", 8.15e10, "81.5 GFLOP"),
        ("flops_per_second", 2.5e12, "2.5 TFLOP/s"),
        ("step_flops", 12, "12 FLOP"),
        ("energy_joules", 500, "500 J"),
        ("energy_joules", 12_345, "12.3 kJ"),
        ("power_watts", 249.6, "250 W"),
        ("mfu", 0.4567, "45.7%"),
    ],
)
def test_units_are_written_as_people_read_them(name: str, value: float, text: str) -> None:
    assert METRICS[name].format(value) == text


def test_the_largest_unit_does_not_end() -> None:
    assert format_flops(5e15) == "5e+03 TFLOP"
