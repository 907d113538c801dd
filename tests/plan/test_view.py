from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan import Trainable
from bench.plan.view import stand_in

if TYPE_CHECKING:
    from bench.plan import ModelView


def test_sizes_add_up(view: ModelView) -> None:
    assert [layer.num_params for layer in view.layers] == [100, 40, 40, 40, 44, 8]
    assert view.num_params == 272
    assert (view.head, view.body[0]) == ("head", "embeddings")


def test_parameters_are_chosen_by_layer_kind_and_name_and_the_head_whole(view: ModelView) -> None:
    layers = frozenset({"layer 1", "layer 2", "head"})
    assert view.params_of(Trainable(layers, frozenset({"bias"}))) == {
        "layer 1.bias", "layer 2.bias", "head.bias", "head.weight",
    }  # fmt: skip
    assert view.params_of(Trainable(layers - {"head"}, match="layer 1.*")) == {"layer 1.weight", "layer 1.bias"}
    assert view.params_of(Trainable(frozenset({"layer 1"}), frozenset({"norm"}))) == frozenset()
    both = view.params_of(Trainable(frozenset({"layer 1"})), Trainable(frozenset({"layer 2"}), match="*t"))
    assert both == {"layer 1.weight", "layer 1.bias", "layer 2.weight"}


def test_a_stand_in_has_every_kind_of_parameter() -> None:
    view = stand_in(num_layers=3)
    assert view.names == ("embeddings", "layer 0", "layer 1", "layer 2", "head")
    kinds = frozenset[str]().union(*(param.kinds for layer in view.layers for param in layer.params))
    assert kinds == {"weight", "bias", "norm", "embedding"}
    assert {linear.layer for linear in view.linears} == {"layer 0", "layer 1", "layer 2"}
    assert {f"{linear.name}.weight" for linear in view.linears} <= view.params_of(Trainable(frozenset(view.names)))
