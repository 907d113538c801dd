"""How templates become pages: all that is put into them is text and is escaped, but for what is marked as ours."""

from __future__ import annotations

import re
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.cells import one_line

__all__ = ["asset", "environment"]


def environment() -> Environment:
    """Read templates from `reports/templates`."""
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"one_line": one_line, "breakable": _breakable, "ours": Markup}
    return made


def asset(name: str) -> str:
    """Read a file that stands in a page as it is."""
    return resources.files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _breakable(name: str) -> Markup:
    """Let a name break after a "+" or ":" where it does not fit."""
    return Markup("<wbr>").join(re.split(r"(?<=[+:])", one_line(name)))
