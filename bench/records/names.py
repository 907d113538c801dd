"""Names from data files, with invisible characters made visible."""

from __future__ import annotations

import unicodedata

__all__ = ["in_quotes"]

_LONGEST = 40


def in_quotes(name: str) -> str:
    """Return a name in quotes, at most 40 characters; unusual blanks and invisible characters appear as code points."""
    shown = "".join(map(_visible, name))
    return f'"{shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + chr(0x2026)}"'


def _visible(char: str) -> str:
    hidden = not char.isprintable() or unicodedata.category(char) == "Cf"
    return char.encode("unicode_escape").decode() if hidden else char
