"""The contract as tests of pytest, one for each check."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import Unsupported
from bench.testing.check import checks
from bench.testing.models import MODELS
from bench.testing.names import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.plan.train_plan import Strategy

__all__ = ["parametrize_with_checks"]


def parametrize_with_checks(
    strategies: Iterable[Strategy], *, models: Iterable[str] = MODELS, quick: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test once for each strategy and check, named as in `lora:r=4-what_should_move_moved[bert]`.

        @parametrize_with_checks([Mine(), Mine(share=0.5)])
        def test_contract(strategy, check):
            check(strategy)

    `models` are of "llama", "bert", "gpt2" and "qwen2"; `quick` leaves out the checks that train once more, with amp,
    with checkpoint, in parts and on one row.

    What cannot be tried on a model or machine is a skipped test with the reason.
    """
    cases = [(strategy, check) for strategy in strategies for check in checks(models, quick=quick)]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def skipping(*args: Any, **kwargs: Any) -> None:
            try:
                test(*args, **kwargs)
            except Unsupported as error:
                pytest.skip(str(error))

        ids = [f"{name_of(strategy)}-{check}" for strategy, check in cases]
        decorated: Callable[..., None] = pytest.mark.parametrize(("strategy", "check"), cases, ids=ids)(skipping)
        return decorated

    return decorate
