"""What a comparison came to: `bench.compare` and `bench.load` return it."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.analysis.comparison import compare
from bench.analysis.grouping import split, unlike_ways
from bench.analysis.provenance import titles
from bench.analysis.quality import QUALITIES
from bench.analysis.scaling import efficiencies
from bench.api.keywords import in_keywords, named, path_named, to_keywords
from bench.errors import BenchError, UnknownName, UsageError
from bench.experiment.budget import BUDGET, Budget, Maximize
from bench.experiment.spec import canonical
from bench.inert import shown
from bench.recommending.recommend import Recommendation, recommend
from bench.records.directories import read_directories
from bench.records.table import to_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd

    import reports
    from bench.analysis.comparison import Comparison
    from bench.experiment.spec import QualityName
    from bench.records.record import RunRecord
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = ["Result", "default_directory", "load", "read_back"]


@dataclass(frozen=True, repr=False)
class Result:
    """A finished comparison: its headline, its tables, its report; in a notebook it shows itself.

    Where several directories were loaded whose runs are of different models, data sets, machines or settings, it holds
    several comparisons, each with a reference of its own, and the tables say which line is of which.
    """

    comparisons: tuple[Comparison, ...]
    directory: Path | None
    """Where its runs lie; None for those of several directories."""
    warnings: tuple[str, ...] = ()
    """What was left out of the directories, or put aside."""
    budget: Budget | None = None
    """What the report recommends a strategy for; None is a report without a recommendation."""

    @property
    def headline(self) -> str:
        """The conclusion in one sentence; of several comparisons a line each, named by model and data set."""
        if len(self.comparisons) == 1:
            return to_keywords(self.comparisons[0].headline)
        return "\n".join(f"{title}: {to_keywords(one.headline)}" for title, one in self._titled())

    @property
    def table(self) -> pd.DataFrame:
        """Every strategy and metric in a row.

        The index is strategy and metric (of several comparisons also model, dataset and device). `value` is the mean over
        seeds. `relative` sets it against the reference: a quotient or a difference, as `compared_as` says, with `low` and
        `high` the 95 % interval. Strategies that share one of their `letters` are not told apart in that metric. What was
        not measured is missing, and a strategy without a finished run has a row that says its status.
        """
        table = reports.comparison_table(self.comparisons).rename(columns={"estimate": "value"})
        where = [] if len(self.comparisons) == 1 else ["model", "dataset", "device"]
        columns = ["value", "unit", "relative", "low", "high", "letters", "compared_as", "num_seeds", "status"]
        return table.set_index([*where, "strategy", "metric"])[columns]

    @property
    def runs(self) -> pd.DataFrame:
        """A row per run, with every setting and every measurement; what was not measured is missing."""
        return to_table(self.records)

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """The record of every run, strategy by strategy."""
        return tuple(record for one in self.comparisons for record in one.records)

    def recommend(
        self,
        *,
        memory: str | None = None,
        max_time: str | None = None,
        min_accuracy: float | str | None = None,
        maximize: Maximize | None = None,
        samples: int | None = None,
        risk: float | str | None = None,
        strategies: str | Sequence[str] | None = None,
    ) -> Recommendation:
        """Choose the strategy that fits a budget best, and say why none of the others; from the records alone.

        Args:
            memory: Most memory at the peak, such as "16 GiB": of the card, or of the process beyond what it held before the model.
            max_time: Most time of training, such as "2 h".
            min_accuracy: Least accuracy, such as 0.85 or "85%", or of the score that the comparison ranks by.
            maximize: What is wanted of those that fit: "accuracy" (the default), "throughput" or "time-to-accuracy".
            samples: Rows to train on, every epoch counted, that `max_time` is for; None is as many as were measured.
            risk: How often a strategy that is shown to fit may not fit; None is 5%.
            strategies: Choose among these alone; None is all.

        Raises:
            UsageError: a bound is none, or there are several comparisons.
            UnknownName: a strategy was not compared.

        """
        given = (memory, max_time, min_accuracy, maximize, samples, risk)
        with in_keywords():
            if len(self.comparisons) != 1:
                raise UsageError(
                    f"these are {len(self.comparisons)} comparisons; load one directory to choose a strategy"
                )
            budget = Budget.of(dict(zip(BUDGET, given, strict=True)))
            among = None if strategies is None else named("strategies", strategies)
            found = self.recommended(budget or Budget(), among)
        return replace(found, headline=to_keywords(found.headline), sentences=tuple(map(to_keywords, found.sentences)))

    def recommended(self, budget: Budget, strategies: str | None = None) -> Recommendation:
        """Do what `recommend` does, in the words of the command line."""
        return recommend(self.comparisons[0], budget, strategies)

    @property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """What is recommended in each comparison for the budget; empty without one."""
        return tuple(recommend(one, self.budget) for one in self.comparisons) if self.budget else ()

    def report(
        self, path: str | PathLike[str] | None = None, *, command: str | None = None, figures_url: str | None = None
    ) -> Path:
        """Write the page, its figures and tables into the directory `path`, or beside the runs; return the page's path.

        Args:
            path: Where to write; None is the directory of the runs.
            command: Shown on the page as what was run.
            figures_url: Where the directory can be reached, for the figures of summary.md.

        Raises:
            UsageError: nothing can be written there, or there is no directory for the runs of several.
            BenchError: writing failed half-way, as on a full disk.

        """
        directory = self.directory if path is None else path_named("path", path)
        if directory is None:
            raise UsageError("these runs come from several directories: say where to write the report, report(path)")
        try:
            return reports.write_report(
                self.comparisons, directory, self.recommendations, command=command, figures_url=figures_url
            )
        except OSError as error:
            msg = f"cannot write the report to {directory} ({error.strerror}); the runs are kept: bench report RUNS --out DIR"
            refused = isinstance(error, PermissionError | FileExistsError | NotADirectoryError)
            raise (UsageError if refused else BenchError)(msg) from error

    def text(self, kind: reports.Format, *, command: str | None = None, figures_url: str | None = None) -> str:
        """Return the report as one text (html, md, csv or json), and write nothing; the rest is as in `report`."""
        return reports.render(self.comparisons, kind, self.recommendations, command=command, figures_url=figures_url)

    def print(self, console: Console, *, with_data: bool = True) -> None:
        """Print headline and table of each comparison, with what was read unless that was shown before."""
        several = len(self.comparisons) > 1
        for title, one in self._titled():
            console.print(reports.summary_table(one, title=title if several else "", with_data=with_data))
        for found in (one for one in self.recommendations if one.judged):
            console.print("", reports.recommendation_text(found))

    def __repr__(self) -> str:
        text = io.StringIO()
        width = shutil.get_terminal_size((100, 24)).columns
        self.print(Console(file=text, width=width, force_jupyter=False, color_system=None), with_data=False)
        return to_keywords(text.getvalue().strip("\n"))

    def _repr_html_(self) -> str:
        several = len(self.comparisons) > 1
        html = (reports.comparison_html(one, title=title if several else "") for title, one in self._titled())
        return to_keywords("\n".join(html))

    def _titled(self) -> Sequence[tuple[str, Comparison]]:
        return list(zip(titles(self.comparisons), self.comparisons, strict=True))


def load(
    *directories: str | PathLike[str] | Sequence[str | PathLike[str]],
    reference: str | None = None,
    quality: QualityName = "accuracy",
    rank_suspect: bool = False,
    allow_mismatch: bool = False,
) -> Result:
    """Read finished comparisons back; needs neither torch nor the data.

    One directory is one comparison. The runs of several are compared model by model, data set by data set, machine by
    machine and setting by setting.

    Args:
        directories: What `bench.compare` or `bench compare` wrote: one, several, or a list of them.
        reference: Strategy that others are compared with; None takes `full`, or the first.
        quality: Score to rank by: accuracy, macro_f1 or balanced_accuracy.
        rank_suspect: Rank rows whose numbers are in doubt as well.
        allow_mismatch: Compare runs that differ in more than strategy.

    Raises:
        UsageError: a directory holds no runs that can be read.
        UnknownName: no comparison has the reference.

    """
    with in_keywords():
        if not directories:
            raise UsageError("name at least one directory that `bench compare` wrote")
        if quality not in QUALITIES:
            raise UnknownName("quality", quality, QUALITIES)
        several = directories[0] if len(directories) == 1 and isinstance(directories[0], list | tuple) else directories
        paths = [path_named("a directory", directory) for directory in several]
        if reference is not None and not isinstance(reference, str):
            raise UsageError(f"reference= is {shown(reference)}; give the name of a strategy")
        return read_back(paths, reference, quality=quality, rank_suspect=rank_suspect, allow_mismatch=allow_mismatch)


def read_back(
    directories: Sequence[Path],
    reference: str | None,
    *,
    quality: QualityName,
    rank_suspect: bool,
    allow_mismatch: bool,
    budget: Budget | None = None,
) -> Result:
    """Do what `load` does, in the words of the command line."""
    reference = None if reference is None else canonical(reference)
    read, warnings = read_directories(directories)
    how: Any = {"quality": QUALITIES[quality], "rank_suspect": rank_suspect, "allow_mismatch": allow_mismatch}
    comparisons = (compare(read[0], reference, **how),) if len(read) == 1 else split(read, reference, **how)
    said = (*warnings, *unlike_ways(comparisons), *efficiencies(comparisons))
    return Result(comparisons, directories[0] if len(read) == 1 else None, said, budget)


def default_directory() -> Path:
    """Where results go when nothing is said: a directory named by the time."""
    return Path("reports", "out", datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S"))
