from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.errors import PlanConflict
from bench.experiment import registry
from bench.experiment.built_in_groups import GROUPS
from bench.experiment.groups import expand
from bench.experiment.spec import parse_strategy
from bench.plan import Edit
from bench.plan.compose import compose
from bench.plan.describe import family_of
from bench.plan.families import Family
from bench.plan.view import stand_in

if TYPE_CHECKING:
    from bench.plan import ModelView

VIEW = stand_in(num_layers=3)


@pytest.fixture(scope="module")
def everything() -> list[str]:
    return expand("@all", {}).split(",")


def own_part(composition: str) -> str:
    """The strategy for whose sake a composition stands in a group: its last, beside its partners."""
    return composition.rpartition("+")[2]


def test_all_holds_every_strategy_that_comes_with_bench_once(everything: list[str]) -> None:
    ours = {name for name in registry.names() if registry.is_ours(name)}
    listed = [own_part(one) for one in everything]
    assert len(set(listed)) == len(listed)
    assert {one.partition(":")[0] for one in listed} == ours
    assert {one for one in listed if ":" not in one} == ours - {"adapter"}


def test_all_goes_through_a_door_to_what_has_no_file(everything: list[str]) -> None:
    types = {one.removeprefix("type=") for one in registry.class_of("adapter").types()}  # type: ignore[attr-defined]
    through = {one.removeprefix("adapter:type=") for one in everything if one.startswith("adapter")}
    assert through == types - set(registry.names())
    assert {"oft", "loha"} <= through
    assert not {"lora", "dora"} & through


def test_what_all_holds_composes_and_nothing_in_it_is_too_much(everything: list[str]) -> None:
    for text in everything:
        strategies = [registry.load(term) for term in parse_strategy(text)]
        compose(strategies, VIEW)
        if len(strategies) > 1:
            with pytest.raises(PlanConflict):
                compose(strategies[-1:], VIEW)
    partnered = {one for one in everything if "+" in one}
    assert {"freeze+cached", "lora+lora_plus", "freeze+amp+frozen"} <= partnered
    assert "seen_embeddings" in everything


def test_families_share_out_all(everything: list[str]) -> None:
    shares = [expand(f"@{name}", {}).split(",") for name in ("trains", "adapters", "precision", "learning", "running")]
    assert [one for share in shares for one in share] == everything
    for family, share in zip(Family, shares, strict=True):
        for one in share:
            (term,) = parse_strategy(own_part(one))
            assert family_of(registry.load(term).edit(VIEW)) is family


@dataclass(frozen=True)
class Descent:
    def edit(self, _view: ModelView) -> Edit:
        return Edit(optimizer=lambda _groups: None)  # type: ignore[typeddict-item]


def test_a_strategy_that_sets_an_optimizer_is_in_two_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    names = registry.names()
    monkeypatch.setattr(registry, "_offered", {"descent": Descent})
    monkeypatch.setattr(registry, "names", lambda: (*names, "descent", "of-a-third-party"))
    optimizers = GROUPS["optimizers"].find()
    assert optimizers[-1] == "descent"
    assert all("optimizer" in registry.load(parse_strategy(one)[-1]).edit(VIEW) for one in optimizers)
    assert "descent" in GROUPS["learning"].find()


def test_without_peft_a_door_stands_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.delitem(sys.modules, "peft.mapping", raising=False)
    adapters = GROUPS["adapters"].find()
    assert "adapter" in adapters
    assert "lora" in adapters


def test_groups_import_neither_torch_nor_peft_but_for_adapters() -> None:
    code = (
        "import sys; from bench.experiment.built_in_groups import GROUPS;"
        "print([GROUPS[name].find() for name in GROUPS if name != 'adapters'] and {'torch', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
