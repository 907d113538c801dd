"""What a strategy may look at: the parts of a model by name, kind and size, and how long the run is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

__all__ = [
    "ADAPTERS",
    "ALL_KINDS",
    "EVERYTHING",
    "Kind",
    "Layer",
    "Linear",
    "ModelView",
    "Param",
    "Trainable",
    "stand_in",
]

Kind = Literal["weight", "bias", "norm", "embedding"]
"""What a parameter is: of a norm, of an embedding, a bias, or any other weight. The bias of a norm is two of them."""

ALL_KINDS: frozenset[Kind] = frozenset(get_args(Kind))

ADAPTERS = "adapters"
"""The name under which parameters that a transform introduced appear among the layers."""
EVERYTHING = "*"
"""Stands for every layer where a strategy scales the rates that nobody has set."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of the model, as it was loaded."""

    name: str
    kinds: frozenset[Kind]
    shape: tuple[int, ...]

    @property
    def num_params(self) -> int:
        """The numbers in it."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Layer:
    """One slice of the model in forward order: embeddings, layer 0 to n-1, head."""

    name: str
    params: tuple[Param, ...]

    @property
    def param_names(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(param.name for param in self.params)

    @property
    def num_params(self) -> int:
        """The numbers in its parameters."""
        return sum(param.num_params for param in self.params)


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear module of the body."""

    name: str
    """Qualified."""
    layer: str
    """The name of the layer that its weight belongs to."""
    shape: tuple[int, int]
    """Of its weight: (outputs, inputs), however the module stores it."""


@dataclass(frozen=True, slots=True)
class Trainable:
    """What trains at one time: of some layers, the parameters of some kinds whose names match a pattern.

    The head trains whole where it is among the layers.
    """

    layers: frozenset[str]
    kinds: frozenset[Kind] = ALL_KINDS
    match: str = "*"
    """A glob over the names of parameters."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """All that a strategy may look at. The first layer is the embeddings, the last the head."""

    layers: tuple[Layer, ...]
    linears: tuple[Linear, ...]
    """The linear modules outside the head."""
    tied: tuple[tuple[str, ...], ...] = ()
    """Names that stand for one parameter, the one under which a layer has it first."""
    model_type: str = ""
    """As its configuration names the architecture: "llama", "bert"."""
    num_steps: int = 1
    """Optimizer steps of the run."""
    num_epochs: int = 1
    """Passes over the training rows, the last one perhaps cut short."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all layers, in forward order."""
        return tuple(layer.name for layer in self.layers)

    @property
    def head(self) -> str:
        """The name of the classification head."""
        return self.layers[-1].name

    @property
    def body(self) -> tuple[str, ...]:
        """The names of everything below the head, embeddings first."""
        return self.names[:-1]

    @property
    def num_params(self) -> int:
        """The number of parameters of the whole model."""
        return sum(layer.num_params for layer in self.layers)

    def params_of(self, *parts: Trainable) -> frozenset[str]:
        """The names of the parameters that train where any of `parts` does."""
        return frozenset(
            param.name
            for layer in self.layers
            for param in layer.params
            if any(
                layer.name in part.layers
                and (layer.name == self.head or (param.kinds & part.kinds and fnmatchcase(param.name, part.match)))
                for part in parts
            )
        )


_STAND_IN_LINEARS = {
    **dict.fromkeys((f"self_attn.{part}_proj" for part in "qkvo"), (8, 8)),
    **dict.fromkeys(("mlp.gate_proj", "mlp.up_proj"), (16, 8)),
    "mlp.down_proj": (8, 16),
}


def stand_in(num_layers: int) -> ModelView:
    """Return a view of a model that does not exist, for what must be known of a strategy before a model is loaded."""
    names = [f"layer {number}" for number in range(num_layers)]
    linears = [
        Linear(f"model.layers.{number}.{linear}", name, shape)
        for number, name in enumerate(names)
        for linear, shape in _STAND_IN_LINEARS.items()
    ]
    layers = [
        Layer(
            name,
            (
                *(
                    Param(f"{one.name}.weight", frozenset({"weight"}), one.shape)
                    for one in linears
                    if one.layer == name
                ),
                *(
                    Param(f"{one.name}.bias", frozenset({"bias"}), one.shape[:1])
                    for one in linears
                    if one.layer == name
                ),
                Param(f"model.layers.{number}.norm.weight", frozenset({"norm"}), (8,)),
            ),
        )
        for number, name in enumerate(names)
    ]
    embeddings = Layer("embeddings", (Param("model.embed_tokens.weight", frozenset({"embedding"}), (64, 8)),))
    head = Layer("head", (Param("score.weight", frozenset({"weight"}), (2, 8)),))
    return ModelView((embeddings, *layers, head), tuple(linears), model_type="llama", num_steps=100)
