"""The adapters of a model as peft's configuration of them, asked of the model: whoever put them there, it says what they are."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn

__all__ = ["adapters_of"]

OF_MODULES = ("target_modules", "feedforward_modules")
"""Options that name modules."""
ALWAYS = {"r", "lora_alpha"}
"""Options that a reader looks for, and that are said even where they are peft's defaults."""


def adapters_of(model: nn.Module) -> tuple[str, dict[str, Any]] | None:
    """Return the class of peft's configuration and the options that matter; None where nothing was rewritten.

    Raises:
        UsageError: an option cannot be written down.

    """
    configs: dict[str, Any] | None = getattr(model, "peft_config", None)
    if configs is None:
        return None
    (config,) = configs.values()
    kind = type(config)
    of_all = {
        field.name for base in kind.__mro__ if base.__name__ == "PeftConfig" for field in dataclasses.fields(base)
    }
    plain = kind()
    options = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name not in of_all
        and (field.name in ALWAYS or getattr(config, field.name) != getattr(plain, field.name))
    }
    for name in OF_MODULES:
        if isinstance(options.get(name), set | list | tuple):
            options[name] = _ends(options[name], [found for found, _ in model.get_base_model().named_modules()])  # type: ignore[operator]
    for name, value in options.items():
        if not isinstance(value, bool | int | float | str | list | dict | None):
            raise UsageError(f"peft's {kind.__name__} has {name}={value!r}, which cannot be written into a file")
    return kind.__name__, options


def _ends(chosen: Collection[str], modules: Collection[str]) -> list[str]:
    """Name modules by the ends of their names where no other module has such an end, else in full."""
    ends = sorted({name.rpartition(".")[2] for name in chosen})
    fitting = {name for name in modules if name.rpartition(".")[2] in ends}
    return ends if fitting == set(chosen) else sorted(chosen)
