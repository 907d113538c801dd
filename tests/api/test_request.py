from __future__ import annotations

import pytest

from bench.api.request import requested
from bench.errors import PlanConflict, UnknownName
from bench.experiment.settings import Settings


def test_every_strategy_is_asked_for_with_every_seed() -> None:
    specs = requested(Settings(strategies="full,freeze", seeds=2, device="cpu"))
    assert sorted((spec.seed, spec.name) for spec in specs) == [(0, "freeze"), (0, "full"), (1, "freeze"), (1, "full")]
    assert {spec.device for spec in specs} == {"cpu"}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"strategies": "ful"}, "Did you mean full"),
        ({"model": "minilm-l7"}, "Did you mean minilm-l6"),
        ({"dataset": "imbd"}, "Did you mean imdb"),
        ({"reference": "freeze"}, "unknown reference"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(setting: dict[str, str], told: str) -> None:
    with pytest.raises(UnknownName, match=told):
        requested(Settings.gather({"strategies": "full", "device": "cpu"} | setting))


def test_strategies_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(PlanConflict):
        requested(Settings(strategies="freeze+full", device="cpu"))


def test_micro_batches_that_are_still_to_be_found_are_whole_batches() -> None:
    specs = requested(Settings(strategies="full", micro_batch_size="fit", device="cpu"))
    assert [spec.micro_batch_size for spec in specs] == [None]
