"""The class of a strategy, and its options."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy

if TYPE_CHECKING:
    from bench.testing.subject import Subject

__all__ = [
    "has_defaults",
    "has_no_option_lr",
    "is_a_frozen_dataclass",
    "is_hashable",
    "options_round_trip",
    "says_what_it_does",
]

OURS = "bench.beside.strategies."


def is_a_frozen_dataclass(subject: Subject) -> None:
    """A strategy is a value: two runs of one strategy must be of the same."""
    cls = _class_of(subject)
    params = getattr(cls, "__dataclass_params__", None)
    assert params is not None, f"{cls.__name__} must be a dataclass"
    assert params.frozen, f"{cls.__name__} must be frozen: @dataclass(frozen=True, slots=True)"


def is_hashable(subject: Subject) -> None:
    """Equal strategies have equal hashes: plans are compared, and kept by what was asked for."""
    strategy: Any = subject.strategies[0]
    try:
        hash(strategy)
    except TypeError as error:
        raise AssertionError(f"{subject.name} must be hashable, with tuples in place of lists: {error}") from error
    if dataclasses.is_dataclass(strategy):
        again = dataclasses.replace(strategy)  # type: ignore[type-var]
        assert again == strategy, f"{subject.name} must equal another of the same options"
        assert hash(again) == hash(strategy), f"{subject.name} must have the hash of another of the same options"


def has_defaults(subject: Subject) -> None:
    """Every option has a default, so that the bare name can be asked for."""
    cls = _class_of(subject)
    required = [
        field.name
        for field in _fields(subject)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert not required, f"{cls.__name__} must have a default for {', '.join(required)}"


def says_what_it_does(subject: Subject) -> None:
    """`bench list strategies` shows the first line of the docstring; one of ours names its source too."""
    cls = _class_of(subject)
    doc = inspect.cleandoc(cls.__doc__ or "")
    said = doc and not doc.startswith(f"{cls.__name__}(")  # which is what a dataclass without a docstring gets
    assert said, f"{cls.__name__} must say in its docstring what it does: `bench list strategies` shows it"
    if cls.__module__.startswith(OURS):
        assert re.search(r"^Source: \S.*\.", doc, re.MULTILINE | re.DOTALL), (
            f"{cls.__name__} must name its source in its docstring, in a line such as `Source: Author YEAR, arXiv NUMBER.`"
        )


def has_no_option_lr(subject: Subject) -> None:
    """`lr` is the base rate of a whole composition, whatever strategies are in it."""
    named = [field.name for field in _fields(subject)]
    assert "lr" not in named, f"{_class_of(subject).__name__} must not have an option lr: every composition has one"


def options_round_trip(subject: Subject) -> None:
    """What the command line writes for these options is read as the same strategy."""
    (strategy,) = subject.strategies
    name = f"contract-{id(strategy)}"
    registry.offer(name, type(strategy))
    try:
        text = str(registry.term_of(name, strategy))
        read = registry.load(parse_strategy(text)[0])
    except (UsageError, TypeError) as error:
        raise AssertionError(f"the options of {subject.name} cannot be given on the command line: {error}") from error
    assert read == strategy, f"{subject.name} is written {text!r} on the command line, which is read as {read}"


def _class_of(subject: Subject) -> Any:
    return type(subject.strategies[0])


def _fields(subject: Subject) -> tuple[dataclasses.Field[Any], ...]:
    cls = _class_of(subject)
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
