"""How a strategy is called in a sentence, and in the name of a test."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.plan.train_plan import Strategy

__all__ = ["class_name", "name_of"]


def class_name(strategy: Strategy) -> str:
    """The class of a strategy as a file is named."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", type(strategy).__name__).lower()


def name_of(strategy: Strategy) -> str:
    """The class, with the options that are not at their default: freeze:last=2."""
    value: Any = strategy
    options = fields(value) if is_dataclass(value) else ()
    given = [(one.name, found) for one in options if (found := getattr(value, one.name)) != one.default]
    return ":".join([class_name(strategy), *(f"{key}={_short(found)}" for key, found in given)])


def _short(value: object) -> str:
    return "/".join(map(_short, value)) if isinstance(value, tuple) else str(value)
