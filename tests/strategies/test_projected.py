from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies.apollo import Apollo
from bench.beside.strategies.freeze import Freeze
from bench.beside.strategies.galore import Galore
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.norm_only import NormOnly

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from tests.strategies.tiny import prepared

if TYPE_CHECKING:
    from bench.plan import Strategy


@pytest.mark.parametrize("strategy", [Galore(), Apollo()])
@pytest.mark.parametrize("other", [Lora(r=2), NormOnly(), Freeze()])
def test_nothing_to_project_is_refused(strategy: Strategy, other: Strategy) -> None:
    with pytest.raises(Unsupported, match=r"(galore:r=4|apollo:r=16) projects matrices below the head .* none trains"):
        prepared(strategy, other)


@pytest.mark.parametrize(
    ("options", "wrong"), [({"r": 0}, "galore:r=0:every=200"), ({"every": 0}, "galore:r=4:every=0")]
)
def test_ranks_and_turns_that_cannot_be_are_refused(options: dict[str, int], wrong: str) -> None:
    with pytest.raises(UsageError, match=f"{wrong} cannot be"):
        prepared(Galore(**options))


@pytest.mark.parametrize("name", ["galore", "apollo"])
@pytest.mark.parametrize("scale", ["-1", "0"])
def test_a_scale_that_stops_or_climbs_is_refused(name: str, scale: str) -> None:
    with pytest.raises(UsageError, match=f"{name}:scale={scale} cannot be: it is a factor above 0"):
        registry.load(*parse_strategy(f"{name}:scale={scale}"))
