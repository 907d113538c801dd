from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies.apollo import Apollo
from bench.beside.strategies.freeze import Freeze
from bench.beside.strategies.galore import Galore
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.norm_only import NormOnly

from bench.errors import Unsupported, UsageError
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
