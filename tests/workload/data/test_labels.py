from __future__ import annotations

import math

import pytest

from bench.workload.data.labels import class_of, natural_order


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1", "1"),
        ("1.0", "1"),
        ("01", "01"),
        ("1.50", "1.50"),
        (" good ", "good"),
        (0.5, "0.5"),
        (True, "True"),
        (0, "0"),
        ("", None),
    ]
    + [(label, "-1") for label in (-1, -1.0, "-1", "-1.0")]
    + [(label, None) for label in (None, math.nan, "  ", "\N{NO-BREAK SPACE}")],
)
def test_the_class_of_a_label(label: object, name: str | None) -> None:
    assert class_of(label) == name


def test_classes_are_in_natural_order() -> None:
    names = ["b10", "10", "True", "0", "B2", "2", "-2", "a", "1.5"]
    assert sorted(names, key=natural_order) == ["-2", "0", "1.5", "2", "10", "a", "B2", "b10", "True"]
