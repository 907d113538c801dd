from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from bench.errors import Unsupported
from bench.plan import Edit, throughout
from bench.testing import Skipped, check_strategy
from tests.testing.broken import BROKEN

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True)
class Picky:
    """Train the head of one architecture alone."""

    of: str = "bert"

    def edit(self, view: ModelView) -> Edit:
        if view.model_type != self.of:
            raise Unsupported(f"it is for {self.of}, and not for {view.model_type}")
        return Edit(phases=throughout({view.head}))


def test_one_call_makes_all_checks() -> None:
    strategy, words = BROKEN["nothing_else_moved"]
    with pytest.raises(AssertionError, match=words):
        check_strategy(strategy, models=["llama"])


def test_what_cannot_be_tried_is_listed_with_the_reason() -> None:
    skipped = check_strategy(Picky(), models=["gpt2", "bert"], quick=True)
    assert Skipped("nothing_else_moved[gpt2]", "it is for bert, and not for gpt2") in skipped
    assert not any("[bert]" in one.check for one in skipped)


def test_a_strategy_that_was_never_trained_does_not_pass() -> None:
    with pytest.raises(Unsupported, match="it was not trained: it is for t5, and not for llama"):
        check_strategy(Picky(of="t5"), models=["llama"], quick=True)


def test_whatever_a_strategy_raises_is_told_in_a_sentence() -> None:
    with pytest.raises(AssertionError, match=r"raising fails in composes_in_any_order: KeyError: 'nothing'"):
        check_strategy(Raising(), models=["llama"])


@dataclass(frozen=True)
class Raising:
    """It raises."""

    def edit(self, _view: ModelView) -> Edit:
        return cast("Edit", {}["nothing"])
