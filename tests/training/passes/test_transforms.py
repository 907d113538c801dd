from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
    outer = rewrite(model, [Wrap(1), Wrap(2)])
    assert [module.p for module in outer.modules() if isinstance(module, nn.Dropout)] == [0.2, 0.1]
    assert rewrite(model, []) is model
