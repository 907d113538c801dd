"""Classifiers without numbers: of any size, in the memory of none."""

from __future__ import annotations

import copy
import logging
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedOperatorException,
)
from transformers import AutoModelForSequenceClassification
from transformers.initialization import no_init_weights

from bench.errors import ModelError, NotForecast, first_line
from bench.workload.models.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import PreTrainedConfig, PreTrainedModel


__all__ = ["WithoutNumbers", "classifier", "without_numbers"]


class WithoutNumbers(FakeTensorMode):
    """Tensors that have a shape and a type, and neither memory nor numbers; who reads a number gets 0, and is counted.

    One that was written out is known, and so is one that was drawn by itself, as to leave an adapter out of a step or not.
    """

    def __init__(self) -> None:
        """Have been asked for none."""
        super().__init__(allow_non_fake_inputs=True)
        self.num_read = 0

    def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation on shapes alone."""
        if func is torch.ops.aten.rand.default and math.prod(args[0]) == 1:
            return self.fake_tensor_converter.from_real_tensor(self, func(*args, **(kwargs or {})), make_constant=True)
        is_read = func is torch.ops.aten._local_scalar_dense.default  # noqa: SLF001  (what tensor.item() is)
        if is_read and getattr(args[0], "constant", None) is None:
            self.num_read += 1
            dtype: torch.dtype = args[0].dtype
            return 0.0 if dtype.is_floating_point else False if dtype == torch.bool else 0
        return super().dispatch(func, types, args, kwargs)


@contextmanager
def without_numbers() -> Iterator[WithoutNumbers]:
    """Let every tensor that is made meanwhile be one without numbers.

    Raises:
        NotForecast: what runs cannot do without numbers.

    """
    log = logging.getLogger("torch._subclasses.fake_tensor")
    plain, level = nn.Module._apply, log.level  # noqa: SLF001
    log.setLevel(logging.CRITICAL)  # what cannot run is told by its error
    nn.Module._apply = _apply  # type: ignore[method-assign]  # noqa: SLF001
    try:
        with torch._dynamo.config.patch(disable=True), WithoutNumbers() as mode:  # noqa: SLF001  (code is compiled for numbers)
            yield mode
    except (DataDependentOutputException, DynamicOutputShapeException, UnsupportedOperatorException) as error:
        raise NotForecast(
            f"what it takes depends on numbers, or on an operation that has no shape ({error})"
        ) from error
    finally:
        log.setLevel(level)
        nn.Module._apply = plain  # type: ignore[method-assign]  # noqa: SLF001


def _apply(module: nn.Module, change: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> nn.Module:  # noqa: FBT001, FBT002
    """Convert a module as torch does; but its own way is to swap a tensor without numbers, which whoever refers to it forbids."""
    for part in module.modules() if recurse else [module]:
        for param in part.parameters(recurse=False):
            param.data = change(param.data)
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, change(buffer))
    return module


def classifier(config: PreTrainedConfig, *, num_labels: int, num_layers: int | None = None) -> PreTrainedModel:
    """Build a classifier of a configuration, which stays as it is, with fewer layers or more if asked for.

    Raises:
        ModelError: transformers can build none.

    """
    own = copy.deepcopy(config)
    text = own.get_text_config()
    if num_layers is not None:
        text.num_hidden_layers = num_layers
        if getattr(text, "layer_types", None):
            text.layer_types = list(np.resize(text.layer_types, num_layers))
    own.num_labels, own.problem_type, own.use_cache = num_labels, "single_label_classification", False
    if own.pad_token_id is None:
        own.pad_token_id = text.pad_token_id = 0
    try:
        with quiet(), no_init_weights():
            model: PreTrainedModel = AutoModelForSequenceClassification.from_config(own, trust_remote_code=False)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        msg = f"no classifier can be built of a {config.model_type} configuration: {first_line(error)}"
        raise ModelError(msg) from error
    return model
