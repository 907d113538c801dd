"""The command line: its commands, each of a file of its own, and how one is run."""

from __future__ import annotations

import errno
import re
import sys
from difflib import get_close_matches
from importlib.metadata import version as version_of
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli.baseline import save, show
from bench.cli.compare import compare
from bench.cli.doctor import doctor
from bench.cli.export import export
from bench.cli.fit import SETTINGS as FIT
from bench.cli.fit import fit
from bench.cli.forecast import SETTINGS as FORECAST
from bench.cli.forecast import forecast
from bench.cli.gate import DEFAULTS, SETTINGS, gate
from bench.cli.listing import list_names
from bench.cli.options import repeat_sides, with_settings
from bench.cli.recommend import recommend
from bench.cli.report import report
from bench.cli.rerun import rerun
from bench.errors import ExitCode, UsageError
from bench.experiment.budget import BUDGET

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

_OF_A_NAME = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EROFS)
"""What is wrong with the name of a file, or with the rights of whoever gave it, and not with `bench`."""

_LONGEST = 200
"""Characters of a name that a message shows."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code.

    Raises:
        BenchError: whatever a command raises; `bench.__main__` turns it into one line.

    """
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments)
    _refuse_empty(words)
    try:
        result = command.main(args=repeat_sides(words), prog_name="bench", standalone_mode=False)
    except OSError as error:
        if error.filename is None or error.errno not in _OF_A_NAME:
            raise
        raise UsageError(f"cannot use {_short(str(error.filename))}: {error.strerror}; give another name") from error
    except Exception as error:
        if not hasattr(error, "format_message"):  # a wrong option or value, found by the parser of arguments
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            Console(stderr=True).print(error.format_message(), highlight=False, markup=False, soft_wrap=True)
            return ExitCode.USAGE
        raise UsageError(_in_words(error.format_message())) from error
    return int(result or ExitCode.OK)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}… ({len(name)} characters)"


def _in_words(said: str) -> str:
    """Write what the parser of arguments says in one line, with the nearest of its choices."""
    said = said.replace("\n", " ").replace("Value error, ", "")
    given, _, choices = said.rpartition(" is not one of ")
    known = re.findall(r"'([^']*)'", choices)
    nearest = get_close_matches(given.rpartition(" ")[2].strip("'"), known, n=1)
    return f"{said} Did you mean {nearest[0]}?" if nearest else said


def _refuse_empty(words: Sequence[str]) -> None:
    """Refuse a word without anything in it: in a script it is a variable that is not set, and as a path it would be this directory."""
    for before, word in pairwise(["bench", *words]):
        if not word.strip() or re.fullmatch(r"--[\w-]+=\s*", word):
            where = word.rstrip("= ") or before
            raise UsageError(f"{where} is given an empty value; give another, or leave it out")


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"bench {version_of('finetune-bench')}\n")
        raise typer.Exit


@app.callback(epilog="Example: bench compare --quick")
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Compare fine-tuning strategies of transformer models: speed, memory and accuracy, honestly."""


app.command(epilog="Example: bench compare --strategies full,freeze:last=2+amp --dataset reviews.csv --seeds 3")(
    with_settings(compare)
)
app.command(epilog="Example: bench forecast --model llama-3-8b --strategies full,lora,qlora --lengths 512")(
    with_settings(forecast, FORECAST)
)
app.command(
    epilog="Example: bench fit --model llama-3-8b --strategies full,lora,qlora --lengths 512 --device h100-80gb"
)(with_settings(fit, FIT))
app.command(epilog="Example: bench report reports/out/TIME --open")(with_settings(report, BUDGET))
app.command(epilog="Example: bench recommend reports/out/TIME --memory 16GiB --min-accuracy 0.85")(
    with_settings(recommend, BUDGET)
)
app.command(epilog="Example: bench export reports/out/TIME --strategy lora --to trainer --out lora.py")(export)
app.command(epilog="Example: bench rerun reports/out/TIME lora --seed 1")(rerun)
app.command(epilog='Example: bench gate --run "pytest benchmarks --benchmark-json={out}" --base main --head HEAD')(
    with_settings(gate, SETTINGS, DEFAULTS)
)
baseline = typer.Typer(
    help="Record what a side takes, and show what was recorded.", epilog="Example: bench baseline save baseline.json"
)
baseline.command(
    "save", epilog="Example: bench baseline save november.json --from run1.json run2.json run3.json run4.json"
)(with_settings(save, SETTINGS, DEFAULTS))
baseline.command("show", epilog="Example: bench baseline show *.json --out trend")(show)
app.add_typer(baseline, name="baseline")
app.command(epilog="Example: bench doctor --device cpu")(doctor)
app.command("list", epilog="Example: bench list strategies")(list_names)
