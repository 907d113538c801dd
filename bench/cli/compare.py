"""`bench compare`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any

import typer

from bench.cli.options import FIGURES, GATE, STRICT, check_figures_url, read_rules
from bench.cli.report import show
from bench.errors import ExitCode, UsageError
from bench.experiment.settings import QUICK, Settings
from bench.files import default_config
from bench.gate.judging.margins import read_margins
from bench.inert import inert

__all__ = ["compare"]


def compare(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A first look, in a minute: {QUICK['model']}, few rows.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of these options, --strategies to --risk. [default: bench.toml]"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Results directory. [default: reports/out/TIME]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out; only what ended ok is done.")] = False,
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the matrix of runs and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing of the progress.")] = False,
    figures_url: Annotated[str | None, FIGURES] = None,
    gate: Annotated[Path | None, GATE] = None,
    strict: Annotated[bool, STRICT] = False,
    **given: Any,
) -> int:
    """Train with each strategy, and report speed, memory and accuracy side by side."""
    from bench.executors.followers import leading  # noqa: PLC0415  (help answers without numpy)
    from bench.executors.launch import launched  # noqa: PLC0415

    launch = launched()
    if launch and launch.rank > 0:
        from bench.executors.follower import follow  # noqa: PLC0415  (torch)

        return follow(launch)
    with leading(launch) as followers:
        given = {name: value for name, value in given.items() if value is not None}
        config = config or default_config()
        settings = Settings.gather(given, config=config, quick=quick)
        settings = launch.share(settings, in_process=in_process) if launch else settings
        read_margins(config)  # a wrong margin is told at once, whoever reads the file
        rules = read_rules(gate, strict=strict)
        check_figures_url(figures_url)
        if rules and settings.tune is not None:
            raise UsageError(
                "--gate and --tune: rules name strategies, and a tuned one has its rate in its name; judge it by bench report --gate"
            )
        from bench.api.request import requested  # noqa: PLC0415  (a wrong setting answers without)

        specs = requested(settings)
        if rules:
            rules.check(spec.name for spec in specs)
        if dry_run:
            from bench.cli.dry_run import show_request  # noqa: PLC0415

            show_request(settings, specs)
            return ExitCode.OK
        if resume and out is None:
            raise UsageError("--resume needs --out, the directory to go on in")
        from bench.api.measure import measure  # noqa: PLC0415  (a wrong name answers without pandas and scipy)

        measured = measure(
            settings, specs, out, resume=resume, in_process=in_process, progress=not quiet, followers=followers
        )
        if measured.result is not None:
            page = show(measured.result, figures_url=figures_url, with_data=not measured.is_new)
        if measured.interrupted or measured.result is None:
            go_on = f"--resume --out {inert(shlex.quote(str(measured.directory)))}"
            sys.stderr.write(f"bench: interrupted; what ended is kept, and the same command with {go_on} goes on\n")
            return ExitCode.INTERRUPTED
        (comparison,) = measured.result.comparisons
        judged = rules.judge(comparison, page.parent, rank_suspect=settings.rank_suspect) if rules else ExitCode.OK
        if comparison.mismatches and not settings.allow_mismatch:
            return ExitCode.USAGE
        is_well = measured.is_kept and all(record.status in ("ok", "skipped") for record in comparison.records)
        return judged if is_well else ExitCode.FAILED
