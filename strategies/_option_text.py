"""Options as text, read by the types that a configuration of another library declares for them."""

from __future__ import annotations

from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["as_text", "is_readable", "read", "thaw", "words_of"]

_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_GUESSES = (int, float, bool, str)
"""What a value may be whose type is not declared, in this order."""


def read(text: str, kind: Any) -> Any:  # noqa: PLR0911  (one for each kind of type)
    """Read a value of a declared type; a list is written a/b/c, a mapping k=v/k=v.

    What is read can be hashed: a list comes as a tuple, a mapping as a tuple of pairs. `thaw` gives what was declared.

    Raises:
        ValueError: the text is no value of this type.

    """
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _read_first(text, inner)
    if origin is Any:
        return _read_first(text, _GUESSES)
    if origin is Literal:
        return _one_of(text, {choice: (str(choice),) for choice in inner})
    if origin in (list, tuple, set):
        return tuple(read(part, inner[0] if inner else Any) for part in text.split("/"))
    if origin is dict:
        pairs = (part.partition("=") for part in text.split("/"))
        of_key, of_value = inner or (str, Any)
        return tuple(
            (read(key, of_key), read(value, of_value)) if sign else _refuse(text) for key, sign, value in pairs
        )
    if origin is bool:
        return _BOOLS[text.lower()] if text.lower() in _BOOLS else _refuse(text)
    if origin is NoneType:
        return None if text.lower() == "none" else _refuse(text)
    if isinstance(origin, type) and issubclass(origin, Enum):
        return _one_of(text, {member: (member.name, member.name.lower(), str(member.value)) for member in origin})
    return origin(text) if origin in (int, float, str) else _refuse(text)


def thaw(value: Any) -> Any:
    """Make lists and mappings of what `read` gave for them."""
    if not isinstance(value, tuple):
        return value
    return dict(value) if value and all(isinstance(one, tuple) for one in value) else list(value)


def as_text(value: Any) -> str:
    """Write what `read` gave, as it was written."""
    if not isinstance(value, tuple):
        return str(value)
    return "/".join(f"{one[0]}={one[1]}" if isinstance(one, tuple) else str(one) for one in value)


def is_readable(kind: Any) -> bool:
    """Whether text can give a value of this type other than none."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return any(is_readable(one) for one in inner)
    scalars = (bool, int, float, str, dict, list, tuple, set, Any, Literal)
    return origin in scalars or (isinstance(origin, type) and issubclass(origin, Enum))


def words_of(kind: Any) -> str:
    """Say what may be written for a type."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(
            dict.fromkeys(words_of(one) for one in _choices(inner) if one is NoneType or is_readable(one))
        )
    if origin is Literal:
        return " or ".join(map(str, inner))
    if isinstance(origin, type) and issubclass(origin, Enum):
        return " or ".join(member.name for member in origin)
    if origin in (list, tuple, set):
        return "a list a/b/c"
    if origin is dict:
        return "a mapping k=v/k=v"
    return "none" if origin is NoneType else getattr(origin, "__name__", str(origin))


def _choices(kinds: tuple[Any, ...]) -> list[Any]:
    """Put a string, which any text is, last, and leave it out where there are choices."""
    named = any(get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)) for kind in kinds)
    return [kind for kind in kinds if kind is not str] + [str] * (str in kinds and not named)


def _read_first(text: str, kinds: tuple[Any, ...]) -> Any:
    """Read by the first type that the text is a value of."""
    for kind in _choices(kinds):
        try:
            return read(text, kind)
        except ValueError:
            continue
    return _refuse(text)


def _one_of(text: str, spellings: dict[Any, tuple[str, ...]]) -> Any:
    """Find the choice that a text stands for; `pissa_niter_[number of iters]` is one that ends as the text does."""
    for choice, names in spellings.items():
        stem, is_open, _ = str(choice).partition("[")
        if text in names or (is_open and text.startswith(stem)):
            return text if is_open else choice
    return _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)
