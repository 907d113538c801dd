"""Reports on disk, rendered once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.comparison import compare
from bench.record import Flag
from reports import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.record import RunRecord

EVIL = (
    "<script>alert(1)</script>",
    r"$\foo$",
    "[/red]",
    "_x",
    "a|b`c`\n# d",
    "W" * 60,
    '"><img src=x onerror=alert(2)>',
)
"""Names that would be markup somewhere."""


@pytest.fixture(scope="session")
def evil() -> tuple[str, ...]:
    return EVIL


@pytest.fixture(scope="session")
def hostile_records(make_record: Callable[..., RunRecord]) -> tuple[RunRecord, ...]:
    """Two seeds of twelve strategies, everything from outside named to break something."""
    names = (*EVIL, *(f"freeze:last={last}+amp:dtype=bf16+llrd:decay=0.{last}" for last in range(5)))
    return tuple(
        make_record(
            name,
            seed=seed,
            step=1 / (1 + index / 5),
            accuracy=0.6 + 0.02 * index,
            memory=(2 + index) << 29,
            workload={"model": EVIL[0], "dataset": f"{EVIL[1]} {EVIL[6]}"},
            flags=(Flag(code=EVIL[3], message=EVIL[0]),) if index == 1 else (),
            changes={EVIL[4]: EVIL[6]},
            **({"status": "failed", "reason": EVIL[0] + EVIL[2]} if index == 2 else {}),
        )
        for seed in range(2)
        for index, name in enumerate(names)
    )


@pytest.fixture(scope="session")
def report(records: tuple[RunRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(
        compare(records), tmp_path_factory.mktemp("report"), command="python -m bench compare --seeds 3"
    )


@pytest.fixture(scope="session")
def hostile_report(hostile_records: tuple[RunRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("hostile")
    return write_report(compare(hostile_records, EVIL[0]), directory, command=f"bench `{EVIL[0]}`")
