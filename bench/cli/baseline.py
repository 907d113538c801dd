"""`bench baseline save` and `bench baseline show`: their options; `recording` does what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.errors import UsageError

__all__ = ["save", "show"]


def save(
    *,
    file: Annotated[Path, typer.Argument(help="Where to write.")] = Path("baseline.json"),
    files: Annotated[
        list[Path] | None, typer.Option("--from", help="Files of pytest --benchmark-json, of any project.")
    ] = None,
    side: Annotated[str | None, typer.Option(help="Checkout or git ref to record. [default: this bench]")] = None,
    python: Annotated[str | None, typer.Option(help="Its interpreter, or environment. [default: this one]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings. [default: bench.toml]")] = None,
    **given: Any,
) -> int:
    """Record what a side takes now, for `bench gate --base FILE` to compare later ones with.

    With --from, what the files say is recorded, for the trend of `bench baseline show`.

    Exit codes: 0 recorded, 2 the request is wrong, 4 a run was not measured, 5 the side crashed.
    """
    from bench.cli import recording  # noqa: PLC0415  (--help does without)

    settings = {name: value for name, value in given.items() if value is not None}
    if files:
        if settings or side or python or config:
            raise UsageError("--from: files are recorded as they are; leave out what says how something is measured")
        return recording.save_files(file, files)
    return recording.save(file, side=side, python=python, config=config, settings=settings)


def show(
    files: Annotated[list[Path], typer.Argument(help="Written by `bench baseline save`.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Directory to draw the trend into, as a page.")] = None,
) -> int:
    """Print baselines, the oldest first."""
    from bench.cli import recording  # noqa: PLC0415  (--help does without)

    return recording.show(files, out)
