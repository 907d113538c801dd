from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.plan import Phase
from bench.plan.field_words import list_names, list_phases, list_scale, list_values

if TYPE_CHECKING:
    from bench.plan import ModelView


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"head"}, "only the head trains"),
        ({"head", "layer 3"}, "only the head and the last layer train"),
        ({"head", "layer 3", "layer 2"}, "only the head and the last 2 layers train"),
        ({"layer 1"}, "only layer 1 trains"),
        ({"layer 1", "embeddings"}, "only embeddings, layer 1 train"),
    ],
)
def test_what_trains_is_named_from_the_top_where_it_is_the_top(view: ModelView, layers: set[str], words: str) -> None:
    assert list_phases([Phase(0, frozenset(layers))], view) == words


def test_a_later_phase_names_its_epoch_counted_from_one(view: ModelView) -> None:
    phases = [Phase(0, frozenset({"head"})), Phase(2, frozenset(view.names))]
    assert list_phases(phases, view) == "only the head trains, then everything trains from epoch 3"


def test_one_factor_is_named_and_several_are_a_range(view: ModelView) -> None:
    assert list_scale([("head", 5.0)], view) == "head at 5 times the base rate"
    assert list_scale([("head", 5.0), ("layer 0", 0.125)], view) == "2 layers at 0.125 to 5 times the base rate"


def test_functions_are_named_and_values_print_themselves(view: ModelView) -> None:
    assert list_names([sorted, 3], view) == "sorted, 3"
    assert list_values([1, "a"], view) == "1, a"
