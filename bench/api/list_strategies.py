"""`bench.strategies()`: the strategies that a comparison can name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import pandas as pd

from bench.errors import UsageError
from bench.experiment import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["described", "strategies"]


def strategies() -> pd.DataFrame:
    """List every strategy: its name (the index), its options with their defaults, and what it does."""
    return pd.DataFrame(described(), columns=["name", "options", "description"]).set_index("name")


def described() -> Iterator[tuple[str, str, str]]:
    """List name, options and one sentence of every strategy; of one that cannot be used, why."""
    for name in registry.names():
        try:
            cls = registry.class_of(name)
        except UsageError as error:
            yield name, "", f"cannot be used: {error}"
            continue
        options = (f"{key}={_type(kind)} [{default}]" for key, (kind, default) in registry.options_of(cls).items())
        yield name, ", ".join(options), (inspect.getdoc(cls) or "").partition("\n")[0]


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    names = [choice.__name__ for choice in get_args(kind) or (kind,) if choice is not type(None)]
    return "|".join(names)
