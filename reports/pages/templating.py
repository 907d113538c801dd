"""How templates become pages: all that is put into them is text and is escaped, but for what is marked as ours."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..tables.cells import one_line

__all__ = ["asset", "environment"]

_TEMPLATES = Path(__file__).with_name("templates")


def environment() -> Environment:
    """Read templates from `templates` beside this file."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"one_line": one_line, "breakable": _breakable, "said": _said, "ours": Markup}
    return made


def asset(name: str) -> str:
    """Read a file that stands in a page as it is."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _said(text: str) -> Markup:
    """Put a sentence on a page, in which no option of the command line is broken."""
    whole = re.sub(r"--[a-z-]+(?: \w+)?", r'<span class="option">\g<0></span>', str(escape(one_line(text))))
    return Markup(whole)  # noqa: S704  (escaped above)


def _breakable(name: str) -> Markup:
    """Let a name break after a "+" or ":" where it does not fit."""
    return Markup("<wbr>").join(re.split(r"(?<=[+:])", one_line(name)))
