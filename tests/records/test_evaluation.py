from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from bench.records.evaluation import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_samples": 7}, "correct has 256 entries, but num_samples is 7"),
        ({"correct": "0120"}, "String should match pattern"),
        ({"classes": ("bad", "good"), "labels": "01"}, "the classes of 256 rows are not written as they should be"),
    ],
)
def test_an_evaluation_has_every_row(make_record: Callable[..., RunRecord], change: dict[str, Any], words: str) -> None:
    measured = make_record().measured
    assert measured is not None
    with pytest.raises(ValidationError, match=words):
        Evaluation(**(measured.evaluation.model_dump() | change))
