"""Fits the head of a loaded classifier to the data: the checkpoint's own, its rows reordered, or a fresh one."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from transformers import PreTrainedModel

    from bench.records.flags import FlagCode

__all__ = ["HeadOrigin", "fit_head"]


@dataclass(frozen=True, slots=True)
class HeadOrigin:
    """The origin of a run's head: the checkpoint, or fresh."""

    is_of_checkpoint: bool
    reason: str
    """The reason, in words."""
    is_plain: bool = False
    """Whether the checkpoint has no head at all, so that there was no choice."""

    def __str__(self) -> str:
        """Describe the head in a line."""
        return f"{'of the checkpoint' if self.is_of_checkpoint else 'fresh'}: {self.reason}"

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The note for the record where there was a choice."""
        if self.is_plain:
            return ()
        code: FlagCode = "checkpoint-head" if self.is_of_checkpoint else "fresh-head"
        taken = "taken" if self.is_of_checkpoint else "not taken"
        return (Flag(code=code, message=f"the checkpoint's own head was {taken}: {self.reason}"),)


def fit_head(
    model: PreTrainedModel,
    labels: Sequence[str],
    rows: tuple[int, ...] | str,
    *,
    missing: set[str],
    mismatched: set[str],
) -> tuple[HeadOrigin, frozenset[str]]:
    """Give a classifier one output per label, in place, and write the labels' names to its configuration.

    Returns the origin of its head, and the names of all newly initialised parameters.

    Args:
        model: As loaded; with as many outputs as the checkpoint has where `rows` are known.
        labels: Names of the data's classes, in their order.
        rows: The row of the checkpoint's head for each label; or why they cannot be determined.
        missing: Parameters that the checkpoint lacks.
        mismatched: Parameters that it has in another shape.

    Fresh parameters are drawn from torch's global random state. Of a head of several layers
    only the last is replaced, as in transformers.

    """
    outputs = _outputs(model) if _brings_any(model, missing) else {}
    present = outputs.keys() - missing
    if isinstance(rows, str):
        reason = rows
    elif lacking := sorted(missing | mismatched):
        reason = f"it does not fit the checkpoint's own configuration, or lacks {lacking[0]}"
    else:
        reason = f"{len(labels)} of its {model.config.num_labels} classes are those of the data, by name"
        _take_rows(model, outputs, rows, len(labels))
        _name_classes(model, labels)
        return HeadOrigin(is_of_checkpoint=True, reason=reason), frozenset()
    if not isinstance(rows, str) and model.config.num_labels != len(labels):
        _take_rows(model, outputs or _outputs(model), rows, len(labels))
    _draw_anew(model, present - mismatched)
    _name_classes(model, labels)
    origin = HeadOrigin(
        is_of_checkpoint=False, reason=reason if present else "the checkpoint brings none", is_plain=not present
    )
    return origin, frozenset(missing | mismatched | outputs.keys())


def _brings_any(model: PreTrainedModel, missing: set[str]) -> bool:
    """Whether the checkpoint has a parameter outside the body."""
    prefix = f"{model.base_model_prefix}."
    return any(not name.startswith(prefix) and name not in missing for name, _ in model.named_parameters())


def _outputs(model: PreTrainedModel) -> Mapping[str, int]:
    """Return the parameters that have an entry for each class, with the dimension of the classes."""
    config = deepcopy(model.config)
    config.num_labels = len(model.config.id2label or ()) + 1
    with torch.device("meta"):
        larger = dict(type(model)(config).named_parameters())
    return {
        name: next(
            dim for dim, sizes in enumerate(zip(param.shape, larger[name].shape, strict=True)) if len({*sizes}) > 1
        )
        for name, param in model.named_parameters()
        if param.shape != larger[name].shape
    }


def _take_rows(model: PreTrainedModel, outputs: Mapping[str, int], rows: Iterable[int], num_labels: int) -> None:
    """Keep only the entries of `rows` in the output layer, in that order."""
    before, index = model.config.num_labels, torch.tensor(list(rows))
    for name, dim in outputs.items():
        param = model.get_parameter(name)
        param.data = param.data.index_select(dim, index)
        owner = model.get_submodule(name.rpartition(".")[0])
        for count in ("out_features", "nf"):  # of nn.Linear and of GPT-2's Conv1D
            if getattr(owner, count, None) == before:
                setattr(owner, count, num_labels)
    for module in model.modules():
        if getattr(module, "num_labels", None) == before:
            module.num_labels = num_labels  # type: ignore[assignment]


def _draw_anew(model: PreTrainedModel, names: Iterable[str]) -> None:
    """Initialise some parameters as transformers would if the checkpoint lacked them, and no other."""
    wanted = set(names)
    if not wanted:
        return
    for name, param in model.named_parameters():
        param._is_hf_initialized = name not in wanted  # type: ignore[attr-defined]  # noqa: SLF001  (what its initialisation obeys)
        if name in wanted:
            param.data = param.data.float()
    with torch.no_grad():
        for path, module in model.named_modules():
            if any(name.startswith(f"{path}." if path else "") for name in wanted):
                model._init_weights(module)  # noqa: SLF001  (each architecture has its own, and there is no public way)


def _name_classes(model: PreTrainedModel, labels: Sequence[str]) -> None:
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}
