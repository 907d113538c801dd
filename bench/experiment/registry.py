"""Strategies by name: the files of `strategies/`, entry points of the group "bench.strategies", and files of the user's.

The name of a file is the name of its strategy. Nothing is imported until it is asked for, and
an installed plugin that is broken only disables itself. Code of third parties runs in this process where it is loaded:
who supervises runs asks `bench.experiment.trial` instead.
"""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from bench.errors import UnknownName, Unsupported, UsageError
from bench.experiment.options import fields_of, missing, needs_of, options_of, rest_of
from bench.experiment.spec import LR, Term
from bench.experiment.strategy_files import class_in, digest_of, is_in_file
from bench.plan.option_text import normalise, read, write
from bench.plan.train_plan import Edit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from bench.plan.train_plan import Strategy
    from bench.plan.view import ModelView

__all__ = [
    "GROUP",
    "BaseRate",
    "check",
    "class_of",
    "code_of",
    "is_ours",
    "load",
    "missing",
    "names",
    "needs_of",
    "offer",
    "options_of",
    "origin",
    "rest_of",
    "strategies_of",
    "term_of",
]

GROUP = "bench.strategies"

_PACKAGE = "bench.beside.strategies"

_offered: dict[str, type[Strategy]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class BaseRate:
    """The option `lr` of a composition, as one more strategy of it."""

    lr: float

    def __str__(self) -> str:
        """Name it in a message as the command line does."""
        return f"{LR}={self.lr:g}"

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (the user chose it, whatever the model)
        """Set the base rate."""
        return Edit(lr=self.lr)


def offer(name: str, cls: type[Strategy]) -> None:
    """Let `name` mean a strategy in this process alone; it is not among `names`."""
    _offered[name] = cls


def names() -> tuple[str, ...]:
    """Name every strategy that is installed, the built-in ones first."""
    plugins = sorted(point.name for point in entry_points(group=GROUP))
    return tuple(dict.fromkeys([*_built_in(), *plugins]))


def is_ours(name: str) -> bool:
    """Whether a strategy comes with bench; another's code is a third party's."""
    return name in _offered or name in _built_in()


def origin(name: str) -> str:
    """Name a strategy with where its code is: "topmost (my_strategies:Topmost)".

    Raises:
        UnknownName: nothing is registered under `name`.

    """
    return name if is_ours(name) or is_in_file(name) else f"{name} ({_entry_point(name).value})"


def class_of(name: str) -> type[Strategy]:
    """Find the class of a strategy.

    Raises:
        UnknownName: nothing is registered under `name`, or the file has no class of that name.
        UsageError: its module cannot be imported, or defines no strategy.

    """
    if name in _offered:
        return _offered[name]
    if name in _built_in():
        return _strategy_in(name)
    if is_in_file(name):
        return _checked(class_in(name), name)
    point = _entry_point(name)
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:
        msg = f"strategy {name!r} cannot be imported from {point.value}: {type(error).__name__}: {error}"
        raise UsageError(msg) from error
    return _checked(loaded, f"{point.value}, which an installed package registers as {name!r},")


def strategies_of(terms: Iterable[Term]) -> tuple[Strategy, ...]:
    """Make what there is to compose of a composition: its strategies, and the base rate where it gives one.

    Raises:
        UnknownName, UsageError: as `load` does.
        Unsupported: a strategy needs a package that is not installed.

    """
    made: list[Strategy] = []
    for term in terms:
        strategy = load(term)
        if why_not := missing(strategy):
            raise Unsupported(why_not)
        made.append(strategy)
        made += [_base_rate(term, text) for key, text in term.options if key == LR]
    return tuple(made)


def load(term: Term) -> Strategy:
    """Make the strategy that a term of the command line describes.

    Raises:
        UnknownName: no such strategy, or no such option of it.
        UsageError: a value that the option's type does not admit.

    """
    cls = class_of(term.name)
    options, rest = options_of(cls), rest_of(cls)
    given = [(key, text) for key, text in term.options if key != LR]
    others = tuple((key, text) for key, text in given if key not in options)
    if others and rest is None:
        kind = f"option of {term.name}"
        raise UnknownName(kind, others[0][0], options)
    values = {key: read(text, options[key][0], f"{term.name}:{key}") for key, text in given if key in options}
    try:
        return cls(**values, **({rest: others} if rest and others else {}))
    except (TypeError, ValueError) as error:  # a field without a default, or a value that the strategy refuses
        raise UsageError(f"strategy {term} cannot be made: {error}") from error


def term_of(name: str, strategy: Strategy) -> Term:
    """Write a strategy as a term: `load` of it gives the same strategy. Options at their default are left out."""
    values = {field.name: getattr(strategy, field.name) for field in fields_of(type(strategy))}
    rest = rest_of(type(strategy))
    given = {
        key: write(values[key]) for key, (_, default) in options_of(type(strategy)).items() if values[key] != default
    }
    given |= {key: normalise(text) for key, text in values[rest]} if rest else {}
    return Term(name=name, options=tuple(sorted(given.items())))


def check(terms: Iterable[Term]) -> None:
    """Raise what `load` would raise for any of `terms`; of a third party's strategy, whose code does not run, for the name."""
    for term in terms:
        if is_ours(term.name):
            load(term)
        elif not is_in_file(term.name):
            _entry_point(term.name)


def code_of(terms: Iterable[Term]) -> dict[str, str]:
    """Return what tells the code of third parties from an edited one, by term: a file's digest, a package's version."""
    found = {}
    for name in (term.name for term in terms if not is_ours(term.name)):
        if is_in_file(name):
            found[name] = digest_of(name)
        elif package := _entry_point(name).dist:
            found[name] = f"{package.name} {package.version}"
    return found


def _entry_point(name: str) -> EntryPoint:
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point
    kind = "strategy"
    raise UnknownName(kind, name, names())


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
    strategy = cast("type[Strategy]", cls)
    if any(field.name == LR for field in fields_of(strategy)):
        msg = f"{where} has an option lr, which every composition has already for its base rate; leave it out or rename it"
        raise UsageError(msg)
    return strategy


def _base_rate(term: Term, text: str) -> BaseRate:
    if (rate := read(text, float, f"{term.name}:{LR}")) <= 0:
        raise UsageError(f"{term.name}:{LR}={text} cannot be: a learning rate is above 0")
    return BaseRate(rate)
