from __future__ import annotations

from bench.plan import Stage


def test_stages_are_in_the_order_of_the_table_and_none_is_taken_twice() -> None:
    assert sorted(Stage) == list(Stage)
    assert len(Stage.__members__) == len(set(Stage))
    assert Stage.QUANTISE < Stage.PROMPT < Stage.ADAPT < Stage.LOW_PRECISION
