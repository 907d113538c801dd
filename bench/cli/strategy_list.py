"""Strategies in the terminal: a short list by family, and all that there is to say of one."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from bench.api.list_strategies import why_not_here
from bench.inert import inert, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from bench.api.strategy_details import StrategyDetails
    from bench.api.strategy_entry import Options, StrategyEntry

__all__ = ["show", "show_details"]

WIDEST = 110
"""Characters of a line that is still read at a glance."""
NAME, LABEL = 17, 12
"""Characters of their columns; a longer name has a line of its own."""

_MORE = "All there is to say of one: bench list strategies NAME; of every one: --details."


def show(entries: Sequence[StrategyEntry], console: Console) -> None:
    """Print each strategy with a sentence and its options, and why not where it does not run here."""
    reasons = {entry["name"]: why_not_here(entry) for entry in entries}
    shared = set(reasons.values()) if len(set(reasons.values())) == 1 else set()
    for family, members in groupby(entries, key=lambda entry: entry["family"]):
        console.print(Text(f"{family}\n", style="bold"))
        for entry in members:
            why_not = reasons[entry["name"]]
            said = [(entry["says"], "")]
            if entry["options"]:
                said.append((f"options: {_short(entry['options'])}", "dim"))
            if entry["has_types"]:
                said.append((f"its types: bench list strategies {entry['name']}", "dim"))
            if why_not and why_not not in shared and why_not not in entry["says"]:
                said.append((f"does not run here: {why_not}", "yellow"))
            _print(console, entry["name"], said, indent=2, width=NAME)
        console.print()
    for why_not in filter(None, shared):
        console.print(line(f"Of these none runs here: {why_not}.", "yellow"), soft_wrap=True)
    console.print(Text(_MORE, style="dim"), soft_wrap=True)


def show_details(entries: Iterable[StrategyDetails], console: Console) -> None:
    """Print all that there is to say of each."""
    for position, entry in enumerate(entries):
        if position:
            console.print()
        console.print(line(entry["name"], "bold"), soft_wrap=True)
        _print(console, "", [(entry["says"], "")], indent=2, width=0)
        for label, said in _facts(entry):
            _print(console, label, [(one, "") for one in said], indent=2, width=LABEL, style="dim")
        if entry["types"]:
            _print(
                console,
                "types",
                [(f"as in {entry['name']}:{next(iter(entry['types']))}", "")],
                indent=2,
                width=LABEL,
                style="dim",
            )
        for key, options in entry["types"].items():
            _print(console, key, [(_short(options), "dim")], indent=4, width=LABEL + 5)


def _facts(entry: StrategyDetails) -> Iterator[tuple[str, list[str]]]:
    yield "family", [entry["family"]]
    if entry["options"]:
        yield "options", [f"{key}={kind} [{default}]" for key, (kind, default) in entry["options"].items()]
    if entry["source"]:
        yield "source", [entry["source"]]
    yield "sets", [f"{field}: {words}" for field, words in entry["sets"].items()] or ["nothing: it is the baseline"]
    if entry["conflicts"]:
        yield "not with", [", ".join(entry["conflicts"])]
    if entry["alone"]:
        yield "not alone", [entry["alone"]]
    why_not = why_not_here(entry)
    yield "runs here", [f"no: {why_not}" if why_not else "yes"]


def _short(options: Options) -> str:
    """Options with their defaults, or alone where that is none."""
    return ", ".join(key if default in ("none", "/") else f"{key}={default}" for key, (_, default) in options.items())


def _print(
    console: Console, name: str, said: Iterable[tuple[str, str]], *, indent: int, width: int, style: str = "bold"
) -> None:
    """Print a name, and beside it paragraphs, each in a style, as wide as the terminal is; without blanks at the end."""
    room = max(20, min(console.width, WIDEST) - indent - width - 1)
    lines = [(part, look) for text, look in said for part in wrap(inert(text), room, break_on_hyphens=False)]
    if len(name) > width - 2 and width:
        lines.insert(0, ("", ""))
    for position, (part, look) in enumerate(lines):
        start = Text(" " * indent + (inert(name) if not position else ""), style=style)
        if part:
            start.pad_right(indent + width - start.cell_len)
        console.print(Text.assemble(start, (part, look)), soft_wrap=True)
