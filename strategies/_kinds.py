"""What trains by the kind of a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import Unsupported
from bench.plan import Edit, Trainable, throughout

if TYPE_CHECKING:
    from bench.plan import Kind, ModelView


def only(kind: Kind, view: ModelView) -> Edit:
    """Train the parameters of one kind, and the head.

    Raises:
        Unsupported: the model has none of that kind below its head.

    """
    if not view.params_of(Trainable(frozenset(view.body), frozenset({kind}))):
        raise Unsupported(
            f"this model ({view.model_type or 'of an unknown type'}) has no parameter of kind {kind} below its head"
        )
    return Edit(phases=throughout(view.names, frozenset({kind})))
