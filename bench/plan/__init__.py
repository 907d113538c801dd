"""How a run may differ from another: the face that authors of strategies import from.

`train_plan` is the vocabulary, `view` what a strategy may look at, `phases` what trains when, `compose` merges what several set,
`learning_rates` chooses the rates that nobody sets, `describe` puts a plan in words.
"""

from bench.plan.callables import AfterStep, Averaging, Loss, OptimizerFactory, Transform, TransformStage
from bench.plan.phases import InTurn, Phases, throughout
from bench.plan.train_plan import Edit, Strategy, TrainPlan
from bench.plan.view import ALL_KINDS, Kind, Layer, Linear, ModelView, Param, Trainable

__all__ = [
    "ALL_KINDS",
    "AfterStep",
    "Averaging",
    "Edit",
    "InTurn",
    "Kind",
    "Layer",
    "Linear",
    "Loss",
    "ModelView",
    "OptimizerFactory",
    "Param",
    "Phases",
    "Strategy",
    "TrainPlan",
    "Trainable",
    "Transform",
    "TransformStage",
    "throughout",
]
