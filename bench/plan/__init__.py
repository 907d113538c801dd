"""How a run may differ from another: the face that authors of strategies import from.

`train_plan` is the vocabulary, `view` what a strategy may look at, `compose` merges what several strategies set,
`learning_rates` chooses the rates that nobody sets, `describe` puts a plan in words.
"""

from bench.plan.callables import Transform, TransformStage
from bench.plan.train_plan import Edit, Strategy, TrainPlan
from bench.plan.view import Layer, ModelView, Phase

__all__ = ["Edit", "Layer", "ModelView", "Phase", "Strategy", "TrainPlan", "Transform", "TransformStage"]
