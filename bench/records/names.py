"""Names from outside, written so that a reader sees what they are."""

from __future__ import annotations

import unicodedata

__all__ = ["in_quotes"]

_LONGEST = 40


def in_quotes(name: str) -> str:
    """Write a name so that blanks other than a plain one, and what is invisible, show by their code points."""
    shown = "".join(map(_visible, name))
    return f'"{shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + chr(0x2026)}"'


def _visible(char: str) -> str:
    hidden = not char.isprintable() or unicodedata.category(char) == "Cf"
    return char.encode("unicode_escape").decode() if hidden else char
