"""The generated pages say what the code says, and written ones name every strategy and every field of the plan."""

from __future__ import annotations

import re
from dataclasses import astuple, fields

import pytest

from bench.experiment import registry
from bench.plan import TrainPlan
from bench.plan.learning_rates import DEFAULT_RATES
from bench.workload.presets import MODELS
from tests.docs.exported import exported, shown_in
from tests.docs.generated import PAGES
from tests.docs.pages import ROOT


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_code_says(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), "make it again: python tests/docs/generated.py"


def test_the_quickstart_shows_what_is_exported() -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    assert shown_in(page, exported()) == page, "make it again: python tests/docs/generated.py"


def test_the_readme_names_every_strategy() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = readme.partition("\n## Strategies\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)[:`]", listed))
    assert named == {name for name in registry.names() if registry.is_ours(name)}, "README's table of strategies"


def test_every_field_of_the_plan_is_explained() -> None:
    page = (ROOT / "docs" / "writing-a-strategy.md").read_text(encoding="utf-8")
    table = page.partition("## The fields of the plan")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [field.name for field in fields(TrainPlan)]


def test_default_rates_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "learning-rates.md").read_text(encoding="utf-8")
    table = page.partition("| model | head alone ")[2].partition("\n\n")[0]
    told = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    presets = {f"`{name}`": preset.rates for name, preset in MODELS.items()}
    wanted = {"any other": DEFAULT_RATES} | presets
    assert {name: tuple(map(float, rates)) for name, *rates in told} == {
        name: astuple(rates) for name, rates in wanted.items()
    }
