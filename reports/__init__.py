"""Tables, figures and pages made from records; nothing here measures, and nothing imports torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .export import comparison_table
    from .notebook import comparison_html
    from .pages.gate_page import write_gate
    from .pages.trend_page import write_trend
    from .terminal import recommendation_text, summary_table
    from .writing import render, write_report

__all__ = [
    "Format",
    "comparison_html",
    "comparison_table",
    "recommendation_text",
    "render",
    "summary_table",
    "write_gate",
    "write_report",
    "write_trend",
]

Format = Literal["html", "md", "csv", "json"]
"""What a report can be written as: the page, Markdown for a pull request, and the conclusions as data."""

_MODULES = {
    "comparison_html": ".notebook",
    "comparison_table": ".export",
    "recommendation_text": ".terminal",
    "render": ".writing",
    "summary_table": ".terminal",
    "write_gate": ".pages.gate_page",
    "write_report": ".writing",
    "write_trend": ".pages.trend_page",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for and nothing else: plotting takes a second, which a table in the terminal does without."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
