"""Tables, figures and pages made from records; nothing here measures, and nothing imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bench.comparison import Comparison

__all__ = ["write_report"]


def write_report(comparison: Comparison, directory: Path, *, command: str | None = None) -> Path:
    """Write report.html, summary.md, a PNG file per figure, results.parquet and results.csv; give the page's path.

    The same records always make the same bytes. `command` is shown as what was run.
    """
    # Plotting takes a second to import, which a caller who only wants the terminal's table should not wait for.
    from bench.files import replace_file  # noqa: PLC0415
    from bench.table import write_table  # noqa: PLC0415
    from reports import drawing, figures, markdown, page, provenance  # noqa: PLC0415

    charts = figures.charts(comparison)
    directory.mkdir(parents=True, exist_ok=True)
    write_table(comparison.records, directory)
    for chart in charts:
        path = directory / f"{chart.name}.png"
        if chart.missing:
            path.unlink(missing_ok=True)  # of an earlier report in this directory
        else:
            replace_file(path, drawing.to_png(chart, provenance.subject(comparison)))
    replace_file(directory / "summary.md", markdown.render_markdown(comparison, charts, command).encode())
    replace_file(directory / "report.html", page.render_page(comparison, charts, command).encode())
    return directory / "report.html"
