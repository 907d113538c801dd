"""The value of an option as text, and back: `2`, `q_proj/v_proj`, `q_proj=8/v_proj=4`.

value   := atom | list | mapping      list    := atom ("/" atom)* | "/"
mapping := atom "=" atom ("/" atom "=" atom)* | "/"

`/` alone has no elements, `%` is the empty text, and `none` is None where an option may be None. A special character in
an atom is written as its percent-encoded UTF-8: `%2C` for a comma. All others stand for themselves, such as `*` and `?`.
"""

from __future__ import annotations

import math
import re
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from bench.errors import UnknownName, UsageError

__all__ = ["decode", "encode", "is_mapping", "normalise", "read", "type_words", "write"]

_SPECIAL = frozenset("%,+: ")
"""What separates options, terms and compositions, or begins a code; a blank may be lost at an end."""
_WELL_FORMED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_NOTHING, _NONE, _QUOTED_NONE, _NO_ELEMENTS = "%", "none", "%6Eone", "/"


def encode(text: str, special: str = "/=") -> str:
    """Write a text as an atom, in which `special` is encoded too."""
    if text in ("", _NONE):
        return _QUOTED_NONE if text else _NOTHING
    return "".join(
        _code(char) if char in _SPECIAL or char in special or not char.isprintable() else char for char in text
    )


def decode(atom: str) -> str:
    """Read an atom.

    Raises:
        ValueError: a `%` begins no code.

    """
    if atom == _NOTHING:
        return ""
    if not _WELL_FORMED.fullmatch(atom):
        raise ValueError("% begins a code of two hexadecimal digits; write %25 for the sign itself")
    return re.sub("(?:%..)+", _decoded, atom)


def normalise(text: str) -> str:
    """Write a value in the one way in which records have it: what need not be encoded is not.

    Raises:
        ValueError: a `%` begins no code.

    """
    parts = re.split("([/=])", text)
    return "".join(part if part in ("", "/", "=", _NONE) else encode(decode(part)) for part in parts)


def write(value: Any) -> str:
    """Write the value of an option as the command line reads it; a tuple of pairs is a mapping."""
    if isinstance(value, tuple):
        return "/".join(map(_element, value)) or _NO_ELEMENTS
    return encode(value, special="") if isinstance(value, str) else _element(value)


def read(text: str, kind: Any, where: str) -> Any:
    """Read the value of the option `where` as the type that its field declares.

    Raises:
        UnknownName: it is none of the words that a Literal admits.
        UsageError: it cannot be read as that type.

    """
    try:
        return _read(text, kind)
    except _NoChoiceError as error:
        raise UnknownName(f"value of {where}", error.text, error.choices) from None
    except ValueError as error:
        why = str(error) if isinstance(error, _ReasonError) else f"{type_words(kind, 'finite float')} expected"
        table = (
            f", or the name of a table in bench.toml: [options.{text}]" if is_mapping(kind) and "=" not in text else ""
        )
        raise UsageError(f"{where}={text} cannot be read: {why}{table}") from None


def is_mapping(kind: Any) -> bool:
    """Whether a type is tuple[tuple[str, X], ...], or that or None."""
    return any(_pair(one) is not None for one in _alternatives(kind))


def type_words(kind: Any, a_float: str = "float") -> str:
    """Write the type of an option: "int", "auto|bf16", "str/str/...", "key=int/..."; that it may be None is not said."""
    words = []
    for one in _alternatives(kind):
        if one is NoneType:
            continue
        if get_origin(one) is Literal:
            words += [str(choice) for choice in get_args(one)]
        elif (pair := _pair(one)) is not None:
            words.append(f"key={type_words(pair, a_float)}/...")
        elif (element := _element_type(one)) is not None:
            words.append(f"{type_words(element, a_float)}/...")
        else:
            words.append(a_float if one is float else getattr(one, "__name__", str(one)))
    return "|".join(words)


class _ReasonError(ValueError):
    """A value that cannot be read, for a reason that the user is told."""


class _NoChoiceError(ValueError):
    def __init__(self, text: str, choices: list[str]) -> None:
        super().__init__(text)
        self.text, self.choices = text, choices


def _read(text: str, kind: Any) -> Any:
    alternatives = _alternatives(kind)
    if NoneType in alternatives and text == _NONE:
        return None
    *others, last = [one for one in alternatives if one is not NoneType]
    for one in others:
        try:
            return _read_one(text, one)
        except ValueError:
            continue
    return _read_one(text, last)


def _read_one(text: str, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        by_text = {str(choice): choice for choice in get_args(kind)}
        if (atom := decode(text)) not in by_text:
            raise _NoChoiceError(atom, list(by_text))
        return by_text[atom]
    if (value := _pair(kind)) is not None:
        pairs = [part.partition("=") for part in _parts(text)]
        if not all(key and equals and of_key for key, equals, of_key in pairs):
            raise ValueError(text)
        keys = [decode(key) for key, _, _ in pairs]
        if repeated := next((key for key in keys if keys.count(key) > 1), None):
            raise _ReasonError(f"{repeated!r} is given twice")
        return tuple((key, _read(of_key, value)) for key, (_, _, of_key) in zip(keys, pairs, strict=True))
    if (element := _element_type(kind)) is not None:
        parts = _parts(text)
        if not all(parts):
            raise _ReasonError("nothing stands beside a /")
        return tuple(_read(part, element) for part in parts)
    if kind not in _READERS:
        raise ValueError(text)
    return _READERS[kind](decode(text))


def _parts(text: str) -> list[str]:
    return [] if text == _NO_ELEMENTS else text.split("/")


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _element_type(kind: Any) -> Any:
    """Return X of tuple[X, ...]; None for another type."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and len(args) == 2 and args[1] is ... else None  # noqa: PLR2004


def _pair(kind: Any) -> Any:
    """Return X of tuple[tuple[str, X], ...]; None for another type."""
    args = get_args(_element_type(kind))
    return args[1] if len(args) == 2 and args[0] is str and args[1] is not ... else None  # noqa: PLR2004


def _element(value: Any) -> str:
    match value:
        case None:
            return _NONE
        case bool():
            return str(value).lower()
        case float():
            return repr(value).replace("e+", "e")
        case (str() as key, of_key):
            return f"{encode(key)}={_element(of_key)}"
        case _:
            return encode(str(value))


def _code(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _decoded(codes: re.Match[str]) -> str:
    try:
        return bytes.fromhex(codes[0].replace("%", "")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise ValueError(f"{codes[0]} is no UTF-8") from None


def _read_bool(text: str) -> bool:
    try:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _read_float(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(text)


_READERS: dict[Any, Any] = {int: int, float: _read_float, str: str, bool: _read_bool}
