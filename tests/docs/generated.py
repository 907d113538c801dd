"""Write the pages that are made from the code: docs/strategies.md and docs/flags.md.

python tests/docs/generated.py
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))  # where this is run as a command

from bench.api.list_names import LISTS
from bench.errors import PlanConflict
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.train_plan import TrainPlan, baseline_phases
from bench.plan.view import stand_in
from bench.records.flags import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["PAGES"]

VIEW = stand_in(num_layers=4)
DOCS = Path(__file__).parents[2] / "docs"

_STRATEGIES = """\
# Strategies

<!-- Made by `python tests/docs/generated.py` from the docstrings and fields of strategies/. Do not edit. -->

A strategy says what a run does otherwise than the baseline, which trains everything in fp32 with AdamW. Options follow a
strategy after `:`, strategies are joined by `+`, and compositions are separated by commas:

    bench compare --strategies full,freeze:last=2+amp,llrd:decay=0.8 --dry-run

`--dry-run` shows what would be run, and stops. The order within a composition does not matter. Strategies that set one field of the plan to different values are refused, and
the message names both. `bench list strategies` prints the same list, with the strategies of installed plug-ins.

**Learning rates.** Most strategies set none. Then the rate follows from what trains: a head alone learns faster than a whole
model, and a fresh head faster than the body below it. `--lr` sets the base rate of every strategy, and the option
`lr`, given once in a composition, of this one: `freeze:last=2+amp:lr=1e-3`. One rate is tried per
strategy, so a strategy that learns less well here may only want another rate.

What each strategy sets is shown below for a model of four transformer layers.

"""


_FLAGS = """\
# Flags

<!-- Made by `python tests/docs/generated.py` from the flags that records may have. Do not edit. -->

A flag is a doubt that a run's own record gives rise to. The report says beside each what was found.

"""
_SEVERITIES = {
    "suspect": ("Suspect", "The run keeps its row, but is not ranked unless `--rank-suspect` asks for it."),
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
    return _STRATEGIES + "\n".join(_section(*entry) for entry in LISTS["strategies"]() if _comes_with_bench(entry[0]))


def _section(name: str, options: str, sentence: str) -> str:
    edit = registry.load(parse_strategy(name)[0]).edit(VIEW)
    plan = TrainPlan(**{"phases": baseline_phases(VIEW)} | edit)
    lines = [f"## {name}", "", f"{sentence}", ""]
    if options:
        lines += [f"- Options, with their type and default: {', '.join(f'`{one}`' for one in options.split(', '))}"]
    sets = [f"- Sets `{field}`: {words}" for field, words in changes(plan, VIEW).items()]
    lines += sets or ["- Is the baseline"]
    lines += [f"- {said}" for said in _company(name)]
    return "\n".join([*lines, ""])


def _company(name: str) -> Iterator[str]:
    """Which other strategies it can stand beside."""
    others = [other for other in registry.names() if other != name and _comes_with_bench(other)]
    if _composes(name):
        if refused := [other for other in others if not _composes(name, other) and _composes(other)]:
            yield f"Cannot be combined with {_listed(refused)}"
    elif one := [other for other in others if _composes(name, other)]:
        yield f"Needs another beside it: {_listed(one)}"
    else:
        two = next(pair for pair in combinations(others, 2) if _composes(name, *pair))
        yield f"Needs two others beside it, such as {_listed(two)}"


def _composes(*names: str) -> bool:
    try:
        compose([registry.load(parse_strategy(name)[0]) for name in names], VIEW)
    except PlanConflict:
        return False
    return True


def _comes_with_bench(name: str) -> bool:
    return registry.class_of(name).__module__.startswith("bench.beside.strategies.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES = {"strategies.md": strategies, "flags.md": flags}
"""By name, in docs."""

if __name__ == "__main__":
    for page, render in PAGES.items():
        (DOCS / page).write_text(render(), encoding="utf-8")
