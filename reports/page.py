"""The report as one HTML file that needs no network and no script."""

from __future__ import annotations

import base64
import re
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.metrics import METRICS
from bench.table import to_csv, to_table
from reports import provenance
from reports.cells import NOT_MEASURED, SHOWN, cell, column_title, flag_in_words, notes, one_line, remark
from reports.drawing import to_svg
from reports.theme import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.comparison import Comparison
    from reports.figures import Chart

__all__ = ["render_page"]


def render_page(comparison: Comparison, charts: Sequence[Chart], command: str | None) -> str:
    """Render the page. Everything in the records is text from outside and is escaped; the figures are ours."""
    table = to_table(comparison.records)
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"one_line": one_line, "breakable": _breakable}
    return environment.get_template("report.html").render(
        comparison=comparison,
        charts=[chart for chart in charts if not chart.missing],
        missing=[chart for chart in charts if chart.missing],
        svg=lambda chart, width: Markup(to_svg(chart, width)),  # noqa: S704  made by matplotlib, which escapes its text
        widths={"wide": WIDE, "narrow": NARROW},
        style=Markup(resources.files("reports").joinpath("templates/report.css").read_text()),  # noqa: S704
        metrics=METRICS,
        shown=SHOWN,
        cell=cell,
        remark=remark,
        flag_in_words=flag_in_words,
        not_measured=NOT_MEASURED,
        notes=notes,
        column_title=column_title,
        facts=provenance,
        date=min((record.started_at for record in comparison.records), default=None),
        flags=dict.fromkeys((row.strategy, flag) for row in comparison.rows for flag in row.flags),
        command=command,
        downloads={
            "results.csv": _data_uri("text/csv", to_csv(table)),
            "results.json": _data_uri(
                "application/json", table.to_json(orient="split", index=False, date_format="iso")
            ),
        },
    )


def _breakable(name: str) -> Markup:
    """Let a name break after a "+" or ":" where it does not fit."""
    return Markup("<wbr>").join(re.split(r"(?<=[+:])", one_line(name)))


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
