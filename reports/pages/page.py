"""The report as one HTML file that needs no network; its one script sorts tables, and nothing depends on it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from bench.analysis import provenance
from bench.analysis.checks import make_checks
from bench.analysis.words.data import in_full
from bench.analysis.words.deployment import DEPLOY_NOTE
from bench.analysis.words.numbers import NOT_MEASURED, percent
from bench.errors import BenchError
from bench.records.metrics import METRICS

from ..tables.budget import budget_lines, budget_title, budget_titles
from ..tables.cells import first_note, first_title, notes, remark
from ..tables.classes import class_table
from ..tables.columns import groups, having, main_columns
from ..tables.differing import by_value
from ..tables.flagged import flagged, own_flags
from ..tables.forecast import forecast_columns, forecast_notes, forecast_results
from ..tables.overview import overview
from .templating import asset, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..charts.theme import Style
    from ..parts import Whole

__all__ = ["MOST_BYTES", "render_page"]

MOST_BYTES = 2 * 2**20
"""A page that is larger does not open well on a phone, and is refused."""

_MOST_EMBEDDED = 2**17
"""Bytes of a file of data that stands in the page; a larger one lies beside it only."""


def render_page(whole: Whole, command: str | None, files: Mapping[str, bytes]) -> str:
    """Render the page. Everything in the records is text from outside and is escaped; the figures are ours.

    Of the `files` of data by name, the page holds those of text that are not too large.

    Raises:
        BenchError: the page is larger than MOST_BYTES.

    """
    styles = whole.styles
    script = asset("report.js")
    page = render(
        "report.html",
        own_css=_dimming(styles),
        parts=whole.parts,
        across=whole.across,
        overview=overview(whole.comparisons) if len(whole.parts) > 1 else None,
        styles=styles,
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        metrics=METRICS,
        first_title=first_title,
        first_note=first_note,
        main_columns=main_columns,
        having=having,
        forecast_columns=forecast_columns,
        forecast_notes=forecast_notes,
        forecast_results=forecast_results,
        by_value=by_value,
        groups=groups,
        make_checks=make_checks,
        remark=remark,
        flagged=flagged,
        own_flags=own_flags,
        not_measured=NOT_MEASURED,
        notes=notes,
        deploy_note=DEPLOY_NOTE,
        facts=provenance,
        data_lines=in_full,
        class_table=class_table,
        budget_title=budget_title,
        budget_titles=budget_titles,
        budget_lines=budget_lines,
        percent=percent,
        command=command,
        downloads=_downloads(files),
    )
    if (size := len(page.encode())) > MOST_BYTES:
        raise BenchError(
            f"the page would have {size / 2**20:.1f} MiB, more than {MOST_BYTES // 2**20} MiB; report fewer strategies "
            "at once, or write the tables alone (--format csv)"
        )
    return page


def _dimming(styles: Mapping[str, Style]) -> str:
    """CSS that dims a strategy everywhere while its box is not checked; no script is needed."""
    return "".join(
        f"body:has(#pick-{style.index}:not(:checked)) .{style.tag} {{ opacity: .1; }}\n" for style in styles.values()
    )


def _downloads(files: Mapping[str, bytes]) -> dict[str, str | None]:
    """The files as links that hold their data; None for one too large to stand in a page."""
    kinds = {"csv": "text/csv", "json": "application/json"}
    return {
        name: f"data:{kind};base64,{base64.b64encode(data).decode()}" if len(data) <= _MOST_EMBEDDED else None
        for name, data in files.items()
        if (kind := kinds.get(name.rpartition(".")[2]))
    }
