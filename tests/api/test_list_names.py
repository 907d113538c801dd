from __future__ import annotations

import pytest

from bench.api.list_names import LISTS
from bench.records.metrics import METRICS


@pytest.mark.parametrize("kind", LISTS)
def test_every_name_has_a_sentence(kind: str) -> None:
    entries = list(LISTS[kind]())
    assert len({name for name, _, _ in entries}) == len(entries)
    assert all(said for _, _, said in entries)


def test_all_metrics_are_listed() -> None:
    assert [name for name, _, _ in LISTS["metrics"]()] == list(METRICS)
