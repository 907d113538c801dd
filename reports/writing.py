"""Comparisons written as a report in a directory, or as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.files import replace_file

from . import export, markdown, parts
from .pages import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.analysis.comparison import Comparison
    from bench.recommending.recommend import Recommendation

    from . import Format

__all__ = ["render", "write_report"]


def write_report(
    comparisons: Sequence[Comparison],
    directory: Path,
    recommendations: Sequence[Recommendation] = (),
    *,
    command: str | None = None,
    figures_url: str | None = None,
) -> Path:
    """Write a report (page, Markdown, tables, a PNG file per figure) into a directory; return the page's path.

    Several comparisons make one report with an overview, and the comparison's number begins the name of each figure.
    The same records always make the same bytes. `command` is shown as what was run. The summary shows the figures
    at `figures_url`, where the directory can be reached; without one, their tables. Of the recommendations there is one
    for each comparison, or none.

    Raises:
        BenchError: the page would be too large.

    """
    whole = parts.drawn(parts.parts_of(comparisons, recommendations))
    directory.mkdir(parents=True, exist_ok=True)
    files = export.data_files(comparisons, recommendations)
    for name, data in files.items():
        replace_file(directory / name, data)
    for figures in whole.figures:
        for chart in figures.charts:
            path = directory / f"{chart.name}.png"
            if chart.missing:
                path.unlink(missing_ok=True)  # of an earlier report in this directory
            else:
                replace_file(path, figures.drawn[chart.name].png)
    summary = markdown.render_summary(whole.parts, command, whole.across.charts, figures_url=figures_url)
    replace_file(directory / "summary.md", summary.encode())
    # The page comes last: where it would be too large, all else is there.
    replace_file(directory / "report.html", page.render_page(whole, command, files).encode())
    return directory / "report.html"


def render(
    comparisons: Sequence[Comparison],
    kind: Format,
    recommendations: Sequence[Recommendation] = (),
    *,
    command: str | None = None,
    figures_url: str | None = None,
) -> str:
    """Write the comparisons as one text, and nothing to disk; `recommendations` and `figures_url` as in `write_report`.

    Raises:
        BenchError: the page would be too large.

    """
    if kind == "csv":
        return export.comparison_csv(comparisons)
    if kind == "json":
        return export.comparison_json(comparisons, recommendations)
    if kind == "md":
        whole = parts.charted(parts.parts_of(comparisons, recommendations))
        return markdown.render_summary(whole.parts, command, whole.across.charts, figures_url=figures_url)
    return page.render_page(
        parts.drawn(parts.parts_of(comparisons, recommendations)),
        command,
        export.data_files(comparisons, recommendations),
    )
