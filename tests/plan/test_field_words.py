from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.plan import InTurn, Trainable, throughout
from bench.plan.field_words import of_phases, of_scale, of_value, of_values

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True)
class _AddParts:
    rank: int = 8
    names: tuple[str, ...] = ("a", "b", "c", "d")
    kinds: tuple[str, ...] = ("q", "k")
    alpha: float | None = None
    stage: int = 3


@dataclass(frozen=True)
class Told:
    def describe(self, view: ModelView) -> str:
        return f"of {len(view.names)} layers"


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"head"}, "only the head trains"),
        ({"head", "layer 3"}, "only the head and the last layer train"),
        ({"head", "layer 3", "layer 2"}, "only the head and the last 2 layers train"),
        ({"layer 1"}, "only layer 1 trains"),
        ({"layer 1", "embeddings"}, "only embeddings, layer 1 train"),
        (set(), "only what is added trains"),
    ],
)
def test_what_trains_is_named_from_the_top_where_it_is_the_top(view: ModelView, layers: set[str], words: str) -> None:
    assert of_phases(throughout(layers), view) == words


def test_a_part_of_the_layers_is_named_by_kind_or_pattern(view: ModelView) -> None:
    biases = throughout(view.names, frozenset({"bias"}))
    assert of_phases(biases, view) == "only biases and the head train"
    named = throughout({"layer 1", "layer 2"}, match="*2.weight")
    assert of_phases(named, view) == "only parameters of 2 layers named *2.weight (1 of 4) train"


def test_a_later_phase_names_the_share_of_the_steps(view: ModelView) -> None:
    phases = InTurn(((0.0, Trainable(frozenset({"head"}))), (0.5, Trainable(frozenset(view.names)))))
    assert of_phases(phases, view) == "only the head trains, then everything trains from 50% of the steps"


def test_one_factor_is_named_and_several_are_a_range(view: ModelView) -> None:
    assert of_scale([("head", 5.0)], view) == "head at 5 times the base rate"
    assert of_scale([("head", 5.0), ("layer 0", 0.125)], view) == "2 layers at 0.125 to 5 times the base rate"
    adapters = of_scale([("*", 0.1), ("adapters:lora_B", 16.0)], view)
    assert adapters == "rates that nobody set at 0.1 times the base rate; adapters:lora_B at 16 times the base rate"


def test_a_value_says_itself_what_it_is_or_its_name_and_options_do(view: ModelView) -> None:
    assert of_values([sorted, Told()], view) == "sorted, of 6 layers"
    assert of_value(_AddParts(), view) == "AddParts(rank=8, names=4 values, kinds=q/k)"
    assert of_phases(Told(), view) == "of 6 layers"  # type: ignore[arg-type]
