"""Reads `compile`: the repeated layer as code made for it."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import torch

from bench.errors import Unsupported, first_line
from bench.plan.compiler import check_cpp_compiler
from bench.training.passes.layer_forward import replace_in_training
from bench.training.target import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import nn

__all__ = ["check_compiler", "compile_layers"]

MOST_VARIANTS = 64
"""Of the code for one class of layers; to need more is an error, where torch's own 8 are too few for some models."""


def check_compiler(device: torch.device) -> None:
    """Refuse where nothing can make the code that torch generates for `device`.

    Raises:
        Unsupported: there is no compiler for it.

    """
    if kind_of(device) == "cpu":
        check_cpp_compiler("compile")


def compile_layers(layers: Iterable[nn.Module], device: torch.device) -> None:
    """Compile the layers for training, with shapes that may vary; all of one class share their code.

    Where no gradient is wanted they stay as they are: evaluation is off the clock, and compiling
    for it would cost more than it saves. A layer that cannot be compiled as a whole is an error,
    never a silent half. Nothing is taken from an earlier run's cache, so that
    each run pays for what it uses.

    Raises:
        Unsupported: there is no compiler for the code that torch generates. The layers raise it too, once they run, where
            torch cannot follow what they do.

    """
    check_compiler(device)
    torch.compiler.config.force_disable_caches = True
    # Per class of layers: by kind of layer (Gemma 2 has two), by what trains in it, by groups of rows and sizes of one.
    torch._dynamo.config.recompile_limit = MOST_VARIANTS  # noqa: SLF001
    # Sizes that are equal in the first batch, such as those of two groups of rows, need not be so in the next.
    torch.fx.experimental._config.use_duck_shape = False  # noqa: SLF001
    warnings.filterwarnings("ignore", message="dynamo_pgo force disabled")  # which is what was asked for
    warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores")  # fp32 is what was asked for
    for layer in layers:
        # Of a module that is cut among ranks torch would take each number, such as that of its heads, for a size that may vary.
        for module in layer.modules():
            vars(module).pop("_is_fsdp_managed_module", None)
        replace_in_training(layer, _in_words(torch.compile(layer.forward, dynamic=True, fullgraph=True), type(layer)))


def _in_words(compiled: Callable[..., Any], kind: type[nn.Module]) -> Callable[..., Any]:
    """Say in a line why a layer cannot be compiled, where torch finds that out as it runs."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        try:
            return compiled(*args, **kwargs)
        except torch._dynamo.exc.Unsupported as error:  # noqa: SLF001  (torch names it nowhere else)
            why = re.search(r"Explanation: (.+)", str(error))
            msg = f"torch cannot compile {kind.__name__} as a whole: {why[1] if why else first_line(error)}"
            raise Unsupported(msg) from error

    return forward
