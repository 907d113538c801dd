"""Write the pages that are made from the code: docs/strategies.md, docs/flags.md and docs/faults.md, and what docs/quickstart.md shows of exports.

python tests/docs/generated.py
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))  # where this is run as a command

from bench.api.list_strategies import details_of
from bench.experiment import registry
from bench.experiment.built_in_groups import GROUPS
from bench.experiment.options import pip_line
from bench.records.flags import FLAGS
from tests.docs.exported import exported, shown_in
from tests.docs.families import said_of
from tests.faults.table import FAULTS, OF_PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.api.strategy_details import StrategyDetails
    from bench.api.strategy_entry import Options

__all__ = ["PAGES"]

DOCS = Path(__file__).parents[2] / "docs"

_FAULTS = """\
# Faults

<!-- Made by `python tests/docs/generated.py` from tests/faults/table.py. Do not edit. -->

What goes wrong, and what `bench` makes of it. Each line is provoked for real by a test: the first tables by
`pytest tests/faults/test_table.py`, the last one by tests of its own, with processes that are killed and disks that are full. A wrong request
is answered before any training, in one line, with exit code 2. What was measured is never lost: a run that ends in any way has its row,
and a file that cannot be read is left out with a sentence, and left as it is.

`tox -e slow-faults` kills a comparison a hundred times, and reads ten thousand drawn inputs of every grammar.
"""

_STAY = """
## What stays

- A process that starts runs and is stopped (SIGSTOP) between two of them is waited for, `--timeout` or not: it has no run yet that could be
  ended, and whoever stopped it may be looking at it. SIGCONT lets it go on, and Ctrl-C ends the comparison.
- A gate that is interrupted again and again within a tenth of a second may leave a checkout in the repository; the next gate removes it.
- On a disk that stays full no record can be kept in it: each is printed to stderr, whole, and can be saved from there.
- A strategy of a third party is code. It is limited in time and memory where it is tried and where it trains, and is trusted otherwise, as any
  package that is installed.
"""

_STRATEGIES = """\
# Strategies

<!-- Made by `python tests/docs/generated.py` from the docstrings and fields of strategies/. Do not edit. -->

A strategy says what a run does otherwise than the baseline, which trains everything in fp32 with AdamW. Options follow a
strategy after `:`, strategies are joined by `+`, and compositions are separated by commas:

    bench compare --strategies full,freeze:last=2+amp,llrd:decay=0.8 --dry-run

`--dry-run` shows what would be run, and stops. The order within a composition does not matter. Strategies that set one field of the
plan to different values are refused, and the message names both. `bench list strategies` prints a shorter list, with the strategies of
installed plug-ins and what does not run on your machine; `bench list strategies lora` tells what this page does.

**Learning rates.** Most strategies set none. Then the rate follows from what trains: a head alone learns faster than a whole
model, and a fresh head faster than the body below it. `--lr` sets the base rate of every strategy, and the option
`lr`, given once in a composition, of this one: `freeze:last=2+amp:lr=1e-3`. One rate is tried per
strategy, so a strategy that learns less well here may only want another rate: `--tune lr` [searches for one](learning-rates.md) for each.

**Groups.** `@NAME` in a list of strategies stands for several: `@article` for the four of the article behind this project, `@optimizers`
for every optimizer other than AdamW, `@all` for everything that comes with bench, and `@trains`, `@adapters`, `@learning`, `@precision` and
`@running` for the families below. A strategy that cannot stand alone is in them beside what it needs, such as `lora+lora_plus`; types of
adapters without a section below are in `@adapters`, as `adapter:type=oft`. `bench list groups` shows what each holds. Records, rows and
rules name compositions alone.

    bench compare --strategies lora,@article --dry-run

[Groups of one's own](your-data.md#settings) stand in `bench.toml`.

What each strategy sets is shown below for a Llama of four layers, with the defaults of its options.

"""


_FLAGS = """\
# Flags

<!-- Made by `python tests/docs/generated.py` from the flags that records may have. Do not edit. -->

A flag is a doubt that a run's own record gives rise to. The report says beside each what was found.

"""
_SEVERITIES = {
    "suspect": ("Suspect", "The run keeps its row, but is not ranked unless `--rank-suspect` asks for it."),
    "untimed": (
        "Without times",
        (
            "The run is ranked by its scores, whatever doubts there are of its times and memory. In comparisons of these it has no part, "
            "and `--rank-suspect` changes nothing of that."
        ),
    ),
    "note": ("Notes", "The run is ranked. Bear this in mind."),
}


def flags() -> str:
    """Write the page of flags."""
    return _FLAGS + "\n".join(_table(severity, *said) for severity, said in _SEVERITIES.items())


def _table(severity: str, title: str, said: str) -> str:
    rows = [f"| `{code}` | {kind.meaning} |" for code, kind in FLAGS.items() if kind.severity == severity]
    return "\n".join([f"## {title}", "", said, "", "| flag | what it means |", "|---|---|", *rows, ""])


def strategies() -> str:
    """Write the page of strategies."""
    entries = details_of(name for name in registry.names() if _comes_with_bench(name))
    families = {family: list(members) for family, members in groupby(entries, key=lambda entry: entry["family"])}
    links = {family: ", ".join(f"[{one['name']}](#{one['name']})" for one in ones) for family, ones in families.items()}
    contents = [f"- [{family}](#{_anchor(family)}): {ones}" for family, ones in links.items()]
    found = {group.says: name for name, group in GROUPS.items()}
    sections = [
        "\n".join([f"## {family}", "", *said_of(found[family]), *map(_section, members)])
        for family, members in families.items()
    ]
    return _STRATEGIES + "\n".join([*contents, "", *sections])


def _section(entry: StrategyDetails) -> str:
    lines = [f"### {entry['name']}", "", entry["says"], "", *(f"- {said}" for said in _facts(entry)), ""]
    if entry["types"]:
        lines += [
            f"Types of peft {version('peft')}, with their options and defaults; `target` and `last` go with all:",
            "",
            "| type | options |",
            "|---|---|",
            *(f"| `{key.removeprefix('type=')}` | {_short(options)} |" for key, options in entry["types"].items()),
            "",
        ]
    return "\n".join(lines)


def _facts(entry: StrategyDetails) -> Iterator[str]:
    if options := entry["options"]:
        yield f"Options: {', '.join(f'`{key}={kind} [{default}]`' for key, (kind, default) in options.items())}"
    yield from (f"Sets `{field}`: {words}" for field, words in entry["sets"].items())
    if not entry["sets"]:
        yield "Is the baseline"
    if entry["alone"]:
        yield f"Cannot stand alone: {entry['alone']}"
    if entry["conflicts"]:
        yield f"Cannot be combined with {_listed(entry['conflicts'])}"
    if entry["needs"]:
        yield f"Needs {_listed(entry['needs'])}: `{pip_line(entry['needs'])}`"
    yield f"Source: {entry['source']}"


def _short(options: Options) -> str:
    return ", ".join(f"`{key}={default}`" for key, (_, default) in options.items()) or "none"


def _anchor(title: str) -> str:
    return title.lower().replace(",", "").replace(" ", "-")


def _comes_with_bench(name: str) -> bool:
    return registry.class_of(name).__module__.startswith("bench.beside.strategies.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def faults() -> str:
    """Write the page of all faults that are provoked."""
    lines = [_FAULTS]
    for kind, ones in groupby(FAULTS, key=lambda fault: fault.kind):
        lines += [f"## {kind}", "", "| provoked by | what you see | exit code | kept |", "|---|---|---|---|"]
        lines += [f"| {one.how} | {_in_table(one.says)} | {one.code} | {one.kept} |" for one in ones]
        lines.append("")
    lines += ["## Processes, disks and others", "", "| provoked by | row | exit code | kept |", "|---|---|---|---|"]
    lines += [f"| {one.how} | {one.status} | {one.code} | {one.kept} |" for one in OF_PROCESSES]
    return "\n".join(lines) + "\n" + _STAY


def _in_table(said: str) -> str:
    return f"`` {said} ``".replace("|", "\\|")


PAGES = {"strategies.md": strategies, "flags.md": flags, "faults.md": faults}
"""By name, in docs."""

if __name__ == "__main__":
    for page, render in PAGES.items():
        (DOCS / page).write_text(render(), encoding="utf-8")
    quickstart = DOCS / "quickstart.md"
    quickstart.write_text(shown_in(quickstart.read_text(encoding="utf-8"), exported()), encoding="utf-8")
