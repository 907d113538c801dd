"""The keywords of `bench.compare`: the options of the command, three of them under shorter names."""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar, Union, cast, get_args, get_origin

from bench.errors import BenchError, UnknownName, UsageError
from bench.experiment.settings import OPTIONS, SHORTER, Settings
from bench.inert import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["as_settings", "check_keywords", "in_keywords", "named", "path_named", "to_keywords", "with_options"]

P = ParamSpec("P")
R = TypeVar("R")

_SHORT = {"dataset": "data", "text_column": "text", "label_column": "label"}
"""Options that have another name in Python."""
_LONG = {short: name for name, short in SHORTER.items()}
_SWITCHES = frozenset(
    {"resume", "quick", "in_process", "allow_mismatch", "rank_suspect", "save_model", "force", "array"}
)
_VALUES = r"\d+(?:\.\d+)?(?:e-?\d+)?|lr(?::[\w=.+-]*\w)*|all|auto|ray|slurm|cpu|cuda(?::\d+)?|fit|fresh|checkpoint|accuracy|macro_f1|balanced_accuracy|halve"
_OPTION = re.compile(
    rf"(\(?)(?<![\w-])--({'|'.join(name.replace('_', '-') for name in (*OPTIONS, *_LONG, *_SWITCHES, 'out', 'lengths'))})(?![\w-])"
    rf"(?:( | *\n *)({_VALUES})(?!\w))?"
)


def with_options(function: Callable[P, R]) -> Callable[P, R]:
    """Let `help` and a notebook's completion show every option that a function takes as `**options`."""
    own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    taken = {one.name for one in own}
    fields = {_SHORT.get(name, name): Settings.model_fields[name] for name in OPTIONS}
    more = {name: field for name, field in fields.items() if name not in taken}
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=_plain(field.annotation)
        )
        for name, field in more.items()
    ]
    cast("Any", function).__signature__ = inspect.signature(function).replace(parameters=[*own, *options])
    told = "\n".join(f"    {name}: {to_keywords(field.description or '')}" for name, field in more.items())
    function.__doc__ = f"{inspect.getdoc(function)}\n\nOptions:\n{told}\n"
    return function


def _plain(annotation: Any) -> Any:
    """A type without what it is bounded by."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(map(_plain, get_args(annotation)))]  # noqa: UP007  (made at run time)
    return annotation


def check_keywords(function: Callable[..., object], given: Iterable[str]) -> None:
    """Refuse a keyword that is no option.

    Raises:
        UsageError: with the nearest option.

    """
    known = inspect.signature(function).parameters
    if unknown := next((name for name in given if name not in known), None):
        kind = f"keyword of bench.{function.__name__}"
        if (called := (_SHORT | _LONG).get(unknown)) in known:
            raise UsageError(f"unknown {kind} {unknown!r}: in Python it is called {called}")
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
        error.args = (to_keywords(str(error)),)
        raise


def to_keywords(text: str) -> str:
    """Write the options in a text as keywords: `--eval-samples 280` as `eval_samples=280`, `--resume` as `resume=True`.

    A line that ends between an option and its value ends before the keyword.
    """
    return _OPTION.sub(_keyword, text)


def _keyword(option: re.Match[str]) -> str:
    opening, name, between, value = option[1], option[2].replace("-", "_"), option[3] or "", option[4] or ""
    if name in _SWITCHES:
        return f"{opening}{name}=True{between}{value}"
    end_of_line = between if "\n" in between else ""
    name = _LONG.get(name, name)
    said = value if value[:1].isdigit() or not value else repr(value)
    return f"{end_of_line}{opening}{_SHORT.get(name, name)}={said}"


def named(keyword: str, value: object) -> str:
    """Write one name or several as the options do, with commas; a column may be named by a number.

    Raises:
        UsageError: it is neither a name nor a list of names.

    """
    names = list(value) if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        raise UsageError(f"{keyword}= is {shown(value)}; give a name, or a list of names")
    return ",".join(map(str, names))


def path_named(keyword: str, value: object) -> Path:
    """Return the path that a value names.

    Raises:
        UsageError: it names none.

    """
    if not isinstance(value, str | PathLike) or not isinstance(fspath(value), str):
        raise UsageError(f"{keyword} is {shown(value)}; give a path")
    return Path(value)
