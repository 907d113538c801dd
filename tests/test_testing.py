from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.plan import Edit, throughout
from bench.testing import check_strategy

if TYPE_CHECKING:
    from torch import nn

    from bench.plan import ModelView


@dataclass
class Mutable:
    """It can change under way."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout(view.names))


@dataclass(frozen=True)
class Demanding:
    """It cannot be named without an option."""

    rate: float

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=self.rate)


@dataclass(frozen=True)
class Moody:
    """It answers otherwise each time."""

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=id(object()) + next(COUNTER))


@dataclass(frozen=True)
class Meddling:
    """It changes weights that the plan keeps frozen."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout({view.head}), after_step=(_meddle,))


def _meddle(model: nn.Module, _step: int) -> None:
    for param in model.parameters():
        param.data.add_(1.0)


COUNTER = iter(range(100))


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (Mutable(), "must be frozen"),
        (Demanding(1.0), "must have a default for rate"),
        (Moody(), "pure function"),
        (Meddling(), "embeddings changed, which the plan denies"),
    ],
)
def test_the_contract_catches_what_breaks_it(strategy: Mutable | Demanding | Moody | Meddling, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_strategy(strategy)
