"""Strategies by name: the files of `strategies/`, then entry points of the group "bench.strategies".

The name of a file is the name of its strategy. Nothing is imported until it is asked for, and
an installed plugin that is broken only disables itself.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin, get_type_hints

from bench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.experiment.spec import Term
    from bench.plan.train_plan import Strategy

__all__ = ["GROUP", "check", "class_of", "load", "names", "offer", "options_of"]

GROUP = "bench.strategies"

_PACKAGE = "bench.beside.strategies"

_offered: dict[str, type[Strategy]] = {}


def offer(name: str, cls: type[Strategy]) -> None:
    """Let `name` mean a strategy in this process alone; it is not among `names`."""
    _offered[name] = cls


def names() -> tuple[str, ...]:
    """Name every strategy, the built-in ones first."""
    plugins = sorted(point.name for point in entry_points(group=GROUP))
    return tuple(dict.fromkeys([*_built_in(), *plugins]))


def class_of(name: str) -> type[Strategy]:
    """Find the class of a strategy.

    Raises:
        UnknownName: nothing is registered under `name`.
        UsageError: its module cannot be imported, or defines no strategy.

    """
    if name in _offered:
        return _offered[name]
    if name in _built_in():
        return _strategy_in(name)
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        kind = "strategy"
        raise UnknownName(kind, name, names())
    try:
        return _checked(points[0].load(), f"{points[0].value}, which an installed package registers as {name!r},")
    except UsageError:
        raise
    except Exception as error:
        msg = f"strategy {name!r} cannot be imported from {points[0].value}: {type(error).__name__}: {error}"
        raise UsageError(msg) from error


def load(term: Term) -> Strategy:
    """Make the strategy that a term of the command line describes.

    Raises:
        UnknownName: no such strategy, or no such option of it.
        UsageError: a value that the option's type does not admit.

    """
    cls = class_of(term.name)
    options = options_of(cls)
    for key, _ in term.options:
        if key not in options:
            kind = f"option of {term.name}"
            raise UnknownName(kind, key, options)
    values = {key: _convert(text, options[key][0], f"{term.name}:{key}") for key, text in term.options}
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:  # a field without a default, or a value that the strategy refuses
        raise UsageError(f"strategy {term} cannot be made: {error}") from error


def check(terms: Iterable[Term]) -> None:
    """Raise what `load` would raise for any of `terms`."""
    for term in terms:
        load(term)


def options_of(cls: type[Strategy]) -> dict[str, tuple[Any, Any]]:
    """List the options of a strategy: type and default, by name."""
    hints = get_type_hints(cls)
    return {field.name: (hints[field.name], field.default) for field in dataclasses.fields(cast("Any", cls))}


def _built_in() -> tuple[str, ...]:
    package = import_module(_PACKAGE)
    return tuple(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


def _strategy_in(name: str) -> type[Strategy]:
    """Find the one strategy that a file of `strategies/` defines."""
    file, module_name = f"strategies/{name}.py", f"{_PACKAGE}.{name}"
    try:
        module = import_module(module_name)
    except Exception as error:
        raise UsageError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    found = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == module_name]
    found = [cls for cls in found if hasattr(cls, "edit")]
    if len(found) != 1:
        msg = f"{file} must define one strategy, a frozen dataclass with a method edit; it defines {len(found)}"
        raise UsageError(msg)
    return _checked(found[0], file)


def _checked(cls: object, where: str) -> type[Strategy]:
    params = getattr(cls, "__dataclass_params__", None)
    if not (isinstance(cls, type) and hasattr(cls, "edit") and params is not None and params.frozen):
        raise UsageError(f"{where} is no strategy: it must be a frozen dataclass with a method edit")
    return cast("type[Strategy]", cls)


def _convert(text: str, kind: Any, where: str) -> Any:
    """Read the text of an option as the type that its field declares."""
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        if text not in choices:
            raise UnknownName(f"value of {where}", text, choices)
        return next(choice for choice in get_args(kind) if str(choice) == text)
    alternatives = [choice for choice in get_args(kind) or (kind,) if choice is not type(None)]
    for choice in alternatives:
        try:
            return _READERS[choice](text)
        except (KeyError, ValueError):
            continue
    expected = " or ".join(
        "finite float" if choice is float else getattr(choice, "__name__", str(choice)) for choice in alternatives
    )
    raise UsageError(f"{where}={text} cannot be read: {expected} expected")


def _read_bool(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


def _read_float(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(text)


_READERS: dict[Any, Any] = {int: int, float: _read_float, str: str, bool: _read_bool}
