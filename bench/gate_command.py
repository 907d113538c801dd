"""The options of `bench gate`; what it does is in `bench.gating`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Literal

import typer

__all__ = ["SIDES", "FormatName", "gate", "repeat_sides"]

SIDES = ("--base", "--head")
"""The options that take as many words as a pattern of the shell becomes."""

FormatName = Literal["json", "markdown", "junit", "sarif", "github-action-benchmark", "bencher", "annotations"]
"""The names of `bench.gate.outputs.FORMATS`, which --help does not import."""


def gate(
    *,
    base: Annotated[list[str], typer.Option(help="What head is compared with: files of pytest --benchmark-json.")],
    head: Annotated[list[str], typer.Option(help="What is judged: as many files as base has.")],
    margin: Annotated[str, typer.Option(help="How much slower head may be.")] = "5%",
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 3 where noise left it open.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory to write every form into.")] = None,
    kind: Annotated[
        FormatName | None, typer.Option("--format", help="Print the judgement in this form instead of the table.")
    ] = None,
) -> int:
    """Judge whether head got slower or bigger than base.

    Exit codes: 0 no regression, 1 a regression, 2 the request is wrong, 3 open (with --strict),
    4 something was not measured, 5 head crashed.
    """
    from bench import gating  # noqa: PLC0415  (--help does without)

    return gating.gate(base, head, margin=margin, strict=strict, out=out, kind=kind)


def repeat_sides(arguments: list[str]) -> list[str]:
    """Repeat an option of SIDES before each of its words: the parser takes `--base a --base b`, not `--base a b`."""
    repeated: list[str] = []
    option, has_value = None, False
    for word in arguments:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            option, has_value = (name if name in SIDES else None), bool(equals)
        elif option:
            repeated += [option] if has_value else []
            has_value = True
        repeated.append(word)
    return repeated
