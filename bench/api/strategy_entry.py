"""What `bench list strategies` says of one strategy. Light, as it is imported where a strategy of a third party is tried."""

from __future__ import annotations

import inspect
from dataclasses import MISSING
from typing import Any

from bench.experiment import registry
from bench.plan.option_text import type_words, write

__all__ = ["strategy_entry"]


def strategy_entry(name: str) -> tuple[str, str]:
    """Return the options of a strategy with their types and defaults, and the first line of what it says of itself.

    Raises:
        UsageError: it cannot be used.

    """
    cls = registry.class_of(name)
    options = [
        f"{key}={type_words(kind)} [{_shown(default)}]" for key, (kind, default) in registry.options_of(cls).items()
    ]
    return ", ".join(options), (inspect.getdoc(cls) or "").partition("\n")[0]


def _shown(default: Any) -> str:
    if default is MISSING:
        return "must be given"
    return write(default) if isinstance(default, tuple) else str(default)
