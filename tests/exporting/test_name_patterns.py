from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.exporting.name_patterns import name_patterns
from bench.testing.models import view_on

NAMES = [param.name for layer in view_on("bert").layers for param in layer.params]
HEAD = {name for name in NAMES if name.startswith("classifier.")}


def read(patterns: dict[str, float], name: str) -> float | None:
    return next((rate for pattern, rate in patterns.items() if fnmatchcase(name, pattern)), None)


@pytest.mark.parametrize(
    ("trains", "patterns"),
    [
        (lambda _: True, ["classifier.*", "bert.*"]),
        (lambda name: name in HEAD, ["classifier.*"]),
        (lambda name: name in HEAD or name.endswith("bias"), ["classifier.*", "*.bias"]),
        (lambda name: name in HEAD or "LayerNorm" in name, ["classifier.*", "*.LayerNorm.*"]),
        (lambda name: name in HEAD or ".layer.2." in name, ["classifier.*", "bert.encoder.layer.2.*"]),
    ],
)
def test_few_patterns_say_what_trains(trains, patterns) -> None:
    found = name_patterns({name: (1e-2 if name in HEAD else 1e-3) if trains(name) else None for name in NAMES})
    assert list(found) == patterns
    assert list(found.values()) == [1e-2, 1e-3][: len(patterns)]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([None, 0.0, 1e-3, 1e-2]), min_size=1))
def test_the_first_that_fits_is_the_rate_of_every_name(rates: dict[str, float | None]) -> None:
    patterns = name_patterns(rates)
    assert {name: read(patterns, name) for name in rates} == rates
