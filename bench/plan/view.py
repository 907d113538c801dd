"""What a strategy may look at: the layers of a model by name and size, and when they train."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layer", "ModelView", "Phase", "stand_in"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One slice of the model in forward order: embeddings, layer 0 to n-1, head."""

    name: str
    param_names: tuple[str, ...]
    num_params: int


@dataclass(frozen=True, slots=True)
class ModelView:
    """All that a strategy may look at. The first layer is the embeddings, the last the head."""

    layers: tuple[Layer, ...]
    linears: tuple[str, ...]
    """Qualified names of the `nn.Linear` modules outside the head."""

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


@dataclass(frozen=True, slots=True)
class Phase:
    """From this 0-based epoch on, exactly these layers train."""

    epoch: int
    layers: frozenset[str]


def stand_in(num_layers: int) -> ModelView:
    """Return a view of a model that does not exist, for what must be known of a strategy before a model is loaded."""
    names = ("embeddings", *(f"layer {number}" for number in range(num_layers)), "head")
    return ModelView(
        layers=tuple(Layer(name, (f"{name}.weight",), 100 + place) for place, name in enumerate(names)),
        linears=tuple(f"model.layers.{number}.self_attn.q_proj" for number in range(num_layers)),
    )
