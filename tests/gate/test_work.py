from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.gate.judging.margins import Margins
from bench.gate.request import Sides
from bench.gate.work import work_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def say(_: str) -> None:
    """Nobody listens."""


def test_files_of_both_sides_are_judged(make_benchmark_files: Callable[..., tuple[list[Path], list[Path]]]) -> None:
    base, head = make_benchmark_files(0.5)
    sides = Sides(tuple(map(str, base)), tuple(map(str, head)), None, None, None, {})
    assert work_of(sides, Margins(), None, say)().exit_code() == 1


@pytest.mark.parametrize(
    ("base", "told"), [((), "--base is missing"), (("absent.json",), "--base absent.json: no such file")]
)
def test_what_cannot_be_judged_is_found_out_before_any_work(base: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        work_of(Sides(base, (), None, None, None, {}), Margins(), None, say)
