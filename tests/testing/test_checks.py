from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.errors import Unsupported
from bench.plan import Edit
from bench.testing.check import Check, checks
from tests.testing.broken import BROKEN

if TYPE_CHECKING:
    from bench.plan import ModelView

LLAMA = {check.demand.__name__: check for check in checks(["llama"])}


def test_every_check_has_a_strategy_that_breaks_it() -> None:
    assert BROKEN.keys() == LLAMA.keys()


WITH_IT = {
    "is_hashable": {"options_round_trip"},
    "composes_in_any_order": {"is_told_in_words"},
    "fields_exist": {"makes_a_plan"},
    "layers_and_kinds_exist": {"makes_a_plan"},
    "phases_are_pure": LLAMA.keys() - {"trains_as_told"},
    "trains_as_told": {"what_should_move_moved", "memory_parts_add_up"},
    "makes_a_plan": {"composes_in_any_order"},
}
"""What a broken strategy cannot but break too."""


@pytest.mark.slow
@pytest.mark.parametrize("name", LLAMA)
def test_no_other_check_fails(name: str) -> None:
    strategy, _ = BROKEN[name]
    failed = {other.demand.__name__ for other in LLAMA.values() if _fails(other, strategy)}
    assert failed - WITH_IT.get(name, set()) <= {name}
    assert name in failed


def _fails(check: Check, strategy: object) -> bool:
    try:
        check(strategy)  # type: ignore[arg-type]
    except AssertionError:
        return True
    except Unsupported:
        pass
    return False


@dataclass(frozen=True)
class Chattering:
    """It says of itself more than anyone reads."""

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=1e-2)

    def describe(self, _view: ModelView) -> str:
        return "more " * 50


def test_what_a_strategy_says_of_itself_is_checked_as_its_fields_are() -> None:
    with pytest.raises(
        AssertionError, match="what the report says of chattering of chattering has 250 characters, over 200"
    ):
        LLAMA["is_told_in_words"](Chattering())
