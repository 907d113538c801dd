"""How templates become pages: all that is put into them is text and is escaped, but for what is marked as ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.inert import inert

from ..charts.theme import style_variables
from ..tables.cells import one_line

__all__ = ["asset", "render"]

_TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, *, own_css: str, **shown: Any) -> str:
    """Fill in a template of `templates` beside this file; `own_css` is what it has besides the style of all pages."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"one_line": one_line, "breakable": _breakable, "said": _said, "ours": Markup}
    css = Markup(style_variables() + asset("report.css") + own_css)  # noqa: S704  (ours)
    return environment.get_template(template).render(css=css, **shown)


def _inert(shown: Any) -> Any:
    """Keep from a page what a reader would obey without seeing it; the ends of its lines stay, where there are any."""
    return (
        shown if isinstance(shown, Markup) or not isinstance(shown, str) else "\n".join(map(inert, shown.split("\n")))
    )


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
