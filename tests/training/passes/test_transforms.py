from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from bench.plan import TransformStage
from bench.training.passes.transforms import rewrite


@dataclass(frozen=True)
class Wrap:
    number: int
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Dropout(self.number / 10), model)


def test_each_transform_takes_what_the_one_before_has_made() -> None:
    model = nn.Linear(1, 1)
    outer, rewritten = rewrite(model, [Wrap(1), Wrap(2)])
    assert [module.p for module in outer.modules() if isinstance(module, nn.Dropout)] == [0.2, 0.1]
    assert not any(rewritten.values())
    assert rewrite(model, []) == (model, {})


@dataclass(frozen=True)
class Shift:
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        model.weight.data -= 0.1 * torch.eye(*model.weight.shape)
        model.bias = nn.Parameter(model.bias.detach().clone())
        return nn.Sequential(model, nn.Linear(3, 3))


def test_weights_whose_numbers_a_transform_changed_or_that_it_replaced_are_told() -> None:
    model = nn.Linear(300, 300)
    kept = (model.weight, model.bias)
    told = rewrite(model, [Shift()])[1]
    assert tuple(param for param, changed in told.items() if changed) == kept
