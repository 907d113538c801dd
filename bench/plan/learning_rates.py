"""The learning rates that a run uses where its strategies and the user set none.

No strategy carries a default rate. What a layer should learn at depends on what trains with
it: a head on a frozen body bears a hundred times the rate of a whole body, and a freshly
initialised head wants ten to a hundred times the rate of the body below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan.view import ADAPTERS, EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import Layer, ModelView

__all__ = ["DEFAULT_RATES", "Rates", "resolve_rates"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Peak learning rates that suit one model, by what trains."""

    head_alone: float
    """Of the head when nothing below it trains."""
    last_layers: float
    """Of the body when a part of it trains."""
    everything: float
    """Of the body when all of it trains."""
    head: float
    """Of a fresh head beside a body or adapters that train."""
    adapters: float
    """Of parameters that a transform introduced."""


DEFAULT_RATES = Rates(head_alone=1e-3, last_layers=2e-4, everything=2e-5, head=1e-3, adapters=2e-4)
"""For a model that no preset knows."""


def resolve_rates(plan: TrainPlan, view: ModelView, rates: Rates) -> dict[str, float]:
    """The peak learning rate of every layer of which something ever trains, of adapters, and of parts of them.

    A layer learns at the base rate times its factor. The factors that the plan leaves open
    are 1, but where the plan sets no base rate either, the head's and the adapters' are
    those of `rates`, and a factor of `*` scales them all. Where the head trains alone there is no
    base to be relative to, and its factor does not count. Where a layer trains in part (its biases, its norms),
    the base is that of adapters, which are as few.
    """
    names = view.params_of(*plan.phases.ever())
    trained = [layer for layer in view.layers if names.intersection(layer.param_names)]
    body = [layer for layer in trained if layer.name != view.head]
    adds = plan.adds_params
    factors = dict(plan.lr_scale)
    defaults: dict[str, float] = {}
    if plan.lr is not None:
        base = plan.lr
    elif body or adds:
        base = _base(body, names, view, rates)
        defaults = {view.head: rates.head / base, ADAPTERS: rates.adapters / base}
        base *= factors.get(EVERYTHING, 1.0)
    else:
        return dict.fromkeys((layer.name for layer in trained), rates.head_alone * factors.get(EVERYTHING, 1.0))
    scale = defaults | factors
    found = {layer.name: base * scale.get(layer.name, 1.0) for layer in trained}
    if adds:
        of_adapters = base * scale.get(ADAPTERS, 1.0)
        found[ADAPTERS] = of_adapters
        parts = {key: factor for key, factor in factors.items() if key.startswith(f"{ADAPTERS}:")}
        found |= {key: of_adapters * factor for key, factor in parts.items()}
    return found


def _base(body: Sequence[Layer], names: frozenset[str], view: ModelView, rates: Rates) -> float:
    """The rate of the body where nobody sets one; of adapters where nothing or a part of a layer trains."""
    if not body or any(not names.issuperset(layer.param_names) for layer in body):
        return rates.adapters
    return rates.everything if len(body) == len(view.body) else rates.last_layers
