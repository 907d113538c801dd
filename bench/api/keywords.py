"""The keywords of `bench.compare`: the options of the command, three of them under shorter names."""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from bench.errors import BenchError, UnknownName, UsageError
from bench.experiment.settings import OPTIONS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["as_settings", "check_keywords", "in_keywords", "with_options"]

P = ParamSpec("P")
R = TypeVar("R")

_SHORT = {"dataset": "data", "text_column": "text", "label_column": "label"}
"""Options that have another name in Python."""
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")


def with_options(function: Callable[P, R]) -> Callable[P, R]:
    """Let `help` and a notebook's completion show every option that a function takes as `**options`."""
    own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    named = {one.name for one in own}
    fields = {_SHORT.get(name, name): Settings.model_fields[name] for name in OPTIONS}
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation)
        for name, field in fields.items()
        if name not in named
    ]
    cast("Any", function).__signature__ = inspect.signature(function).replace(parameters=[*own, *options])
    return function


def check_keywords(function: Callable[..., object], given: Iterable[str]) -> None:
    """Refuse a keyword that is no option.

    Raises:
        UsageError: with the nearest option.

    """
    known = inspect.signature(function).parameters
    if unknown := next((name for name in given if name not in known), None):
        kind = f"keyword of bench.{function.__name__}"
        if unknown in _SHORT:
            raise UsageError(f"unknown {kind} {unknown!r}: in Python it is called {_SHORT[unknown]}")
        raise UnknownName(kind, unknown, known)


def as_settings(given: Mapping[str, Any], *, quick: bool) -> Settings:
    """Turn keywords into the settings of a comparison.

    Raises:
        UsageError: one has a value that it cannot have.

    """
    long = {short: name for name, short in _SHORT.items()}
    return Settings.gather({long.get(name, name): value for name, value in given.items()}, quick=quick)


@contextmanager
def in_keywords() -> Iterator[None]:
    """Let an error say `text=`, which a caller can write, where the command line would say `--text-column`."""
    try:
        yield
    except BenchError as error:
        error.args = (_OPTION.sub(_keyword, str(error)),)
        raise


def _keyword(option: re.Match[str]) -> str:
    name = option[1].replace("-", "_")
    return f"{_SHORT.get(name, name)}="
