"""A table that fits a terminal."""

import re

import pytest

from bench.analysis.comparison import compare
from reports.tables.cells import cell
from reports.tables.fitting import fold
from tests.reports.reading import in_terminal
from tests.simulated import NAMES


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("num", [4, 12])
def test_no_word_of_the_table_is_broken_in_a_terminal(make_record, width, num):
    """Lines of a name end at its separators, and every number stands whole."""
    names = [*NAMES[:num], "freeze:last=2+amp:dtype=bf16+lora:r=16"]
    records = [
        make_record(name, seed=seed, step=1 + place / 9) for seed in range(3) for place, name in enumerate(names)
    ]
    comparison = compare(records)
    table = in_terminal(comparison, width).split("Strategies that share")[0].splitlines()
    assert all(len(line) <= width for line in table)
    rule = next(place for place, line in enumerate(table) if "\N{BOX DRAWINGS LIGHT HORIZONTAL}" in line)
    columns = [re.split(" {2,}", line.strip()) for line in table[rule + 1 :]]
    cells = {text for line in columns for text in line}
    for result in comparison.results:
        written = cell(result, "accuracy", comparison)
        beside = " ".join(part for part in (written.against, written.group) if part)
        assert cells >= {written.value, beside} or f"{written.value} {beside}" in cells
    starts = [line.split("  ")[0] for line in table[rule + 1 :] if line and not line.startswith(" ")]
    for name in names:
        assert any(name == "".join(starts[at : at + num]) for at in range(len(starts)) for num in (1, 2, 3)), name
    assert all(part in names or part[-1] in "+:" or any(name.endswith(part) for name in names) for part in starts)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("freeze:last=2+amp", 20, ["freeze:last=2+amp"]),
        ("freeze:last=2+amp", 14, ["freeze:last=2+", "amp"]),
        ("discriminative:body=1e-5", 23, ["discriminative:", "body=1e-5"]),
        ("diverged for 1 of 3 seeds", 18, ["diverged for 1 of", "3 seeds"]),
        ("small-evaluation", 12, ["small-", "evaluation"]),
        ("W" * 9, 4, ["W" * 9]),
        ("", 4, [""]),
    ],
)
def test_lines_end_at_separators(text, width, lines):
    assert fold(text, width).split("\n") == lines
