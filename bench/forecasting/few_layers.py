"""From a few layers to many: where all layers are alike, every part of a step grows with their number in a straight line.

The peak of a step does not: it may lie at the top of a deep model and at the bottom of a shallow one. So every place has a
line of its own, counted from the bottom or from the top, and the highest of them all is the peak.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.forecasting.steps import largest_part
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.forecasting.duration import StepWork
    from bench.forecasting.tracker import Slot
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView

__all__ = ["Taken", "are_alike", "grows_in_one_place", "least_layers"]

NUM_AT_THE_BOTTOM = 2
"""Places that are counted from there: the lowest layer, on embeddings, and one like all others."""


def are_alike(model: PreTrainedModel) -> bool:
    """Whether a model has the same modules, shapes and settings in each of its layers."""
    layers = layers_of(model)
    kinds = getattr(model.config.get_text_config(), "layer_types", None) or ()
    first = _make_of(layers[0])
    return len(set(kinds)) <= 1 and all(_make_of(layer) == first for layer in layers)


def _make_of(layer: nn.Module) -> list[object]:
    """What a layer is made of: everything but its number."""
    made: list[object] = []
    for name, module in layer.named_modules():
        settings = {key: value for key, value in vars(module).items() if isinstance(value, bool | int | float | str)}
        settings.pop("layer_idx", None)
        made.append((name, type(module), settings, [param.shape for param in module.parameters(recurse=False)]))
    return made


def least_layers(composes: Callable[[int], bool], num_layers: int) -> int:
    """Find the smallest number of layers that a composition can be of; it can be of `num_layers`, and of all between."""
    least, most = 1, num_layers
    while least < most:
        middle = 1 if least == 1 and most == num_layers else (least + most) // 2  # most can be of one
        least, most = (least, middle) if composes(middle) else (middle + 1, most)
    return least


def grows_in_one_place(plans: Sequence[tuple[TrainPlan, ModelView]]) -> bool:
    """Whether plans of models that differ in their number of layers do the same to all, but for one row of layers that is longer."""
    runs = [_runs(plan, view) for plan, view in plans]
    if len({tuple(kind for kind, _ in run) for run in runs}) > 1:
        return False
    lengths = zip(*([length for _, length in run] for run in runs), strict=True)
    return sum(len(set(of_run)) > 1 for of_run in lengths) == 1


def _runs(plan: TrainPlan, view: ModelView) -> list[tuple[object, int]]:
    """What a plan does to layers, from the bottom to the top, and to how many in a row."""
    now, ever = view.params_of(largest_part(plan, view)), view.params_of(*plan.phases.ever())
    done: list[Any] = []
    for layer in view.layers[1:-1]:
        inside = {name: re.sub(r"\.\d+\.", ".", name) for name in layer.param_names if re.search(r"\.\d+\.", name)}
        trains = [frozenset(inside[name] for name in inside if name in names) for names in (now, ever)]
        done.append((*trains, layer.name in plan.checkpoint))
    return [(kind, len(list(same))) for kind, same in groupby(done)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What steps took of a model of so many layers."""

    num_layers: int
    peaks: Mapping[Slot, NDArray[np.int64]]
    """Bytes of each kind, by part of the steps and place: (kinds,)."""
    num_params: int
    num_trainable_params: int
    step_flops: int | None
    step_work: StepWork | None
    pass_work: StepWork | None
    """Forward, of the whole model on the same rows."""

    def up_to(self, more: Taken, num_layers: int) -> Taken | None:
        """Go on by way of `more` layers to a larger model yet; None where the two have not the same parts."""
        of_few, of_more = (_by_place(one, self.num_layers) for one in (self, more))
        if of_few.keys() != of_more.keys():
            return None
        steps = Fraction(num_layers - self.num_layers, more.num_layers - self.num_layers)

        def line(few: int, many: int) -> int:
            return max(0, round(few + (many - few) * steps))

        flops = None if self.step_flops is None or more.step_flops is None else line(self.step_flops, more.step_flops)
        return Taken(
            num_layers=num_layers,
            peaks={
                key: np.array([line(int(one), int(two)) for one, two in zip(parts, of_more[key], strict=True)])
                for key, parts in of_few.items()
            },
            num_params=line(self.num_params, more.num_params),
            num_trainable_params=line(self.num_trainable_params, more.num_trainable_params),
            step_flops=flops,
            step_work=_toward(self.step_work, more.step_work, float(steps)),
            pass_work=_toward(self.pass_work, more.pass_work, float(steps)),
        )


def _toward(few: StepWork | None, more: StepWork | None, steps: float) -> StepWork | None:
    return None if few is None or more is None else few.toward(more, steps)


def _by_place(taken: Taken, few: int) -> dict[Slot, NDArray[np.int64]]:
    """Count places from the bottom, from the top (as negative numbers), or both; what is between lies on the line of these."""
    found: dict[Slot, NDArray[np.int64]] = {}
    for slot, parts in taken.peaks.items():
        from_top = slot.place - taken.num_layers - 1
        if slot.place <= NUM_AT_THE_BOTTOM:
            found[slot] = parts
        if slot.place and -from_top < few:
            found[slot._replace(place=from_top)] = parts
    return found
