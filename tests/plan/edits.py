"""Strategies made of the fields that they set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from bench.plan import Edit, ModelView, TransformStage, throughout

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Rewrite:
    stage: TransformStage
    name: str = "rewrite"

    def __call__(self, model: nn.Module) -> nn.Module:
        return model


@dataclass(frozen=True)
class Adapter:
    rewrite: Rewrite

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout({view.head}), transforms=(self.rewrite,))


@dataclass(frozen=True)
class Raw:
    fields: tuple[tuple[str, Any], ...]

    def edit(self, _view: ModelView) -> Edit:
        return cast("Edit", dict(self.fields))
