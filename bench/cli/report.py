"""Finished comparisons read back, joined and shown: what `bench report` does, and the end of `bench compare`."""

from __future__ import annotations

import re
import shlex
import sys
import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bench.errors import BenchError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import reports
    from bench.analysis.comparison import Comparison
    from bench.cli.rules_file import RulesFile
    from bench.experiment.spec import QualityName
    from bench.records.record import RunRecord
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = ["check_figures_url", "default_directory", "report", "show"]


def report(
    directories: Sequence[Path],
    *,
    reference: str | None = None,
    quality: QualityName = "accuracy",
    rank_suspect: bool = False,
    allow_mismatch: bool = False,
    kind: reports.Format | None = None,
    out: Path | None = None,
    open_page: bool = False,
    figures_url: str | None = None,
    gate: RulesFile | None = None,
) -> int:
    """Make the report of one finished comparison, or of several together; the result is the exit code.

    One directory is a single comparison, written back into it. The runs of several are compared
    model by model, data set by data set, machine by machine and setting by setting, each against a reference of its own.
    With `kind`, the report is printed in that form and nothing is written. With `gate`, one comparison is judged.

    Raises:
        UsageError: a directory holds no runs, `figures_url` is no address, `kind` comes with an option that needs a page on disk, or `gate` with
            several directories.
        UnknownName: no comparison has the reference.

    """
    from bench.analysis.comparison import compare  # noqa: PLC0415  (pydantic and scipy, which --help does without)
    from bench.analysis.grouping import split  # noqa: PLC0415
    from bench.analysis.quality import QUALITIES  # noqa: PLC0415
    from bench.experiment.spec import canonical  # noqa: PLC0415

    if kind and (open_page or out or gate):
        msg = "--format prints to the standard output; it goes with none of --open, --out and --gate"
        raise UsageError(msg)
    check_figures_url(figures_url)
    if gate and len(directories) > 1:
        msg = f"--gate judges one comparison, not {len(directories)}; give one directory"
        raise UsageError(msg)
    reference = None if reference is None else canonical(reference)
    read, warnings = _read(directories)
    if len(read) == 1:
        comparisons: tuple[Comparison, ...] = (
            compare(
                read[0], reference, quality=QUALITIES[quality], rank_suspect=rank_suspect, allow_mismatch=allow_mismatch
            ),
        )
    else:
        comparisons = split(
            read, reference, quality=QUALITIES[quality], rank_suspect=rank_suspect, allow_mismatch=allow_mismatch
        )
    if gate:
        gate.check(row.strategy for row in comparisons[0].results)
    judged = 0
    if kind:
        _warn(warnings)
        sys.stdout.write(reports.render(comparisons, kind, command=_command(), figures_url=figures_url))
    else:
        own = directories[0] if len(directories) == 1 else default_directory()
        page = show(comparisons, out or own, warnings, figures_url=figures_url)
        if gate:
            judged = gate.judge(comparisons[0], page.parent, rank_suspect=rank_suspect)
        if open_page:
            webbrowser.open(page.resolve().as_uri())
    return ExitCode.USAGE if not allow_mismatch and any(comparison.mismatches for comparison in comparisons) else judged


def check_figures_url(url: str | None) -> None:
    """Refuse what is no address that stands in Markdown as it is.

    Raises:
        UsageError: it does not begin with https:// or http://, or has a space, a bracket or a quotation mark in it.

    """
    if url is not None and not re.fullmatch(r"https?://[^\s<>()\[\]\"'`\\|]+", url):
        msg = f"--figures-url {url!r}: give the address under which the results directory can be reached, https://..."
        raise UsageError(msg)


def show(
    comparisons: Sequence[Comparison],
    directory: Path,
    warnings: Sequence[str],
    *,
    with_data: bool = True,
    figures_url: str | None = None,
) -> Path:
    """Write the report, and print the table of each comparison, with what was read unless that was shown before.

    Raises:
        UsageError: no report can be written to `directory`.
        BenchError: writing it failed half-way, as on a full disk.

    """
    from bench.analysis.provenance import titles  # noqa: PLC0415

    _warn(warnings)
    try:
        page = reports.write_report(comparisons, directory, command=_command(), figures_url=figures_url)
    except OSError as error:
        msg = (
            f"cannot write the report to {directory} ({error.strerror}); the runs are kept: bench report RUNS --out DIR"
        )
        refused = isinstance(error, PermissionError | FileExistsError | NotADirectoryError)
        raise (UsageError if refused else BenchError)(msg) from error
    console = Console()
    several = len(comparisons) > 1
    for comparison, title in zip(comparisons, titles(comparisons), strict=True):
        console.print(reports.summary_table(comparison, title=title if several else "", with_data=with_data))
    console.print(Text(f"report: {page}"), soft_wrap=True)
    return page


def default_directory() -> Path:
    """Where results go when nothing is said: a directory named by the time."""
    return Path("reports", "out", datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S"))


def _read(directories: Sequence[Path]) -> tuple[list[list[RunRecord]], list[str]]:
    from bench.records.store import Store  # noqa: PLC0415

    read, warnings = [], []
    for directory in directories:
        store = Store(directory)
        found = store.read_all()
        if not found:
            why = f" that can be read: {'; '.join(store.warnings)}" if store.warnings else ""
            msg = f"{directory} holds no runs{why}; give a directory that `bench compare` wrote"
            raise UsageError(msg)
        read.append(found)
        warnings += store.warnings
    return read, warnings


def _command() -> str:
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def _warn(warnings: Sequence[str]) -> None:
    errors = Console(stderr=True)
    for warning in warnings:
        errors.print(Text(warning, style="yellow"), soft_wrap=True)
