from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import Unsupported
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.testing import parametrize_with_checks

if TYPE_CHECKING:
    from bench.testing.check import Check


def test_cases_are_named_by_strategy_check_and_model() -> None:
    strategies = [
        registry.load(parse_strategy(text)[0]) for text in ("full", "freeze:last=2", "lora:target=q_proj/v_proj")
    ]

    @parametrize_with_checks(strategies, models=["bert"])
    def test(strategy: Any, check: Check) -> None: ...

    (mark,) = test.pytestmark  # type: ignore[attr-defined]
    ids = mark.kwargs["ids"]
    assert len(ids) == len(set(ids)) == len(mark.args[1])
    assert {
        "full-is_hashable",
        "freeze:last=2-what_should_move_moved[bert]",
        "lora:target=q_proj/v_proj-trains_with_amp[bert]",
    } <= set(ids)


def test_what_cannot_be_tried_is_a_skipped_test_with_the_reason() -> None:
    @parametrize_with_checks([])
    def test(strategy: Any, check: Any) -> None:
        check(strategy)

    def refuse(_strategy: Any) -> None:
        raise Unsupported("this machine has no such device")

    with pytest.raises(pytest.skip.Exception, match="this machine has no such device"):
        test(None, refuse)
