"""The learning rates that a run uses where its strategies and the user set none.

No strategy carries a default rate. What a layer should learn at depends on what trains with
it: a head on a frozen body bears a hundred times the rate of a whole body, and a freshly
initialised head wants ten to a hundred times the rate of the body below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView

__all__ = ["DEFAULT_RATES", "Rates", "resolve_rates"]

ADAPTERS = "adapters"
"""The name under which parameters that a transform introduced appear among the layers."""


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
    """The peak learning rate of every layer that ever trains, and that of adapters.

    A layer learns at the base rate times its factor. The factors that the plan leaves open
    are 1, but where the plan sets no base rate either, the head's and the adapters' are
    those of `rates`. Where the head trains alone there is no base to be relative to, and
    its factor does not count.
    """
    trained = [name for name in view.names if name in plan.trained_layers]
    body = [name for name in trained if name != view.head]
    if plan.lr is not None:
        base, defaults = plan.lr, dict[str, float]()
    elif body:
        base = rates.everything if len(body) == len(view.body) else rates.last_layers
        defaults = {view.head: rates.head / base, ADAPTERS: rates.adapters / base}
    elif plan.transforms:
        base, defaults = rates.adapters, {view.head: rates.head / rates.adapters}
    else:
        return dict.fromkeys(trained, rates.head_alone)
    factors = defaults | dict(plan.lr_scale)
    names = [*trained, ADAPTERS] if plan.transforms else trained
    return {name: base * factors.get(name, 1.0) for name in names}
