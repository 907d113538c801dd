"""Text from outside made one line that nothing obeys: no terminal, no log of a CI service, no reader of the other direction."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["inert", "line", "shown"]

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_MOST_SHOWN = 60

_COMMANDS = re.compile(
    r"^(\s*:):"
    r"|(:):(?=(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher|save-state|set-env"
    r"|set-output|stop-commands|warning)\b)"
    r"|(#)#(?=\w*\[)",
    re.IGNORECASE,
)
"""GitHub takes "::" for a command where nothing but white space stands before it, which in a table or a text that is
wrapped may be anywhere; it and others take "##[" and "##vso[" anywhere."""


def inert(text: str) -> str:
    """Write a text on one line, with what would be obeyed replaced.

    Ends of lines and other white space become spaces; control characters, changes of direction and halves of characters
    become the replacement character, as does the middle of what a CI service takes for a command.
    """
    plain = "".join(map(_character, text))
    return _COMMANDS.sub(rf"\1\2\3{_UNKNOWN}", plain)


def line(text: str, style: str = "") -> Text:
    """Write a text as one inert line for rich to print, which takes nothing in it for markup."""
    from rich.text import Text  # noqa: PLC0415  (`python -m` has this module before it knows where to look for libraries)

    return Text(inert(text), style=style)


def shown(value: object) -> str:
    """Write a value that was refused, so that a message stays a line that can be read."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list of thousands of lists
        text = f"a {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _character(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Zl", "Zp"} or char in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85":
        return " "
    is_obeyed = category in {"Cc", "Cf", "Cs"} and char not in _JOINERS
    return _UNKNOWN if is_obeyed or char in "\ufffe\uffff" else char
