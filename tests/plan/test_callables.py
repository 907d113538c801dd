from __future__ import annotations

from bench.plan import TransformStage


def test_stages_are_in_the_order_of_the_table_and_none_is_taken_twice() -> None:
    assert sorted(TransformStage) == list(TransformStage)
    assert len(TransformStage.__members__) == len(set(TransformStage))
    assert TransformStage.ADAPT < TransformStage.LOW_PRECISION
