"""The report as one HTML file that needs no network; its one script sorts tables, and nothing depends on it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.errors import BenchError
from bench.metrics import METRICS
from bench.table import to_csv, to_table
from reports import provenance
from reports.cells import NOT_MEASURED, flag_in_words, notes, one_line, remark
from reports.columns import groups, main_columns
from reports.deploy import DEPLOY_NOTE
from reports.export import comparison_csv, comparison_json
from reports.overview import overview
from reports.theme import Look, looks, style_variables
from reports.trust import trust

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.comparison import Comparison
    from reports.chart import Chart
    from reports.drawing import Drawing

__all__ = ["MOST_BYTES", "Part", "render_page"]

MOST_BYTES = 2 * 2**20
"""A page that is larger does not open well on a phone, and is refused."""

_MOST_EMBEDDED = 2**17
"""Bytes of a file of data that stands in the page; a larger one lies beside it only."""

_MOST_RUNS = 1000
"""Whose table is not even made to see how large it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison of a page, with its figures."""

    comparison: Comparison
    charts: Sequence[Chart] = ()
    drawn: Mapping[str, Drawing] = field(default_factory=dict)
    """By chart, but for those that are missing."""
    about: str = ""
    """Ends the names of its regions, where a page has several comparisons."""


def render_page(parts: Sequence[Part], command: str | None, styles: Mapping[str, Look] | None = None) -> str:
    """Render the page. Everything in the records is text from outside and is escaped; the figures are ours.

    Raises:
        BenchError: the page is larger than MOST_BYTES.

    """
    comparisons = [part.comparison for part in parts]
    records = [record for comparison in comparisons for record in comparison.records]
    known = styles or looks(row.strategy for comparison in comparisons for row in comparison.rows)
    script = _asset("report.js")
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "one_line": one_line,
        "breakable": _breakable,
        "subject": provenance.subject,
        "ours": Markup,
    }
    page = environment.get_template("report.html").render(
        parts=parts,
        overview=overview(comparisons) if len(parts) > 1 else None,
        looks=known,
        style=Markup(style_variables() + _asset("report.css") + _dimming(known)),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        metrics=METRICS,
        main_columns=main_columns,
        groups=groups,
        trust=trust,
        remark=remark,
        flag_in_words=flag_in_words,
        not_measured=NOT_MEASURED,
        notes=notes,
        deploy_note=DEPLOY_NOTE,
        facts=provenance,
        command=command,
        downloads=_downloads(
            {
                "results.csv": to_csv(to_table(records)) if len(records) <= _MOST_RUNS else None,
                "comparison.csv": comparison_csv(comparisons),
                "results.json": comparison_json(comparisons),
            }
        ),
    )
    if (size := len(page.encode())) > MOST_BYTES:
        msg = (
            f"the page would have {size / 2**20:.1f} MiB, more than {MOST_BYTES // 2**20} MiB; report fewer strategies "
            "at once, or write the tables alone (--format csv)"
        )
        raise BenchError(msg)
    return page


def _asset(name: str) -> str:
    return resources.files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _dimming(styles: Mapping[str, Look]) -> str:
    """CSS that dims a strategy everywhere while its box is not checked; no script is needed."""
    return "".join(
        f"body:has(#pick-{look.index}:not(:checked)) .{look.tag} {{ opacity: .1; }}\n" for look in styles.values()
    )


def _breakable(name: str) -> Markup:
    """Let a name break after a "+" or ":" where it does not fit."""
    return Markup("<wbr>").join(re.split(r"(?<=[+:])", one_line(name)))


def _downloads(files: Mapping[str, str | None]) -> dict[str, str | None]:
    """The files as links that hold their data; None for one too large to stand in a page."""
    kinds = {"csv": "text/csv", "json": "application/json"}
    return {
        name: _data_uri(kinds[name.rpartition(".")[2]], text)
        if text is not None and len(text) <= _MOST_EMBEDDED
        else None
        for name, text in files.items()
    }


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
