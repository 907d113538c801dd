"""What has to be stored beside the base model; the files that are really written are in test_saving.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.plan import Edit, throughout
from bench.worker.changed import deploy_bytes, modules_beside_adapters
from tests.worker.adapted import Adapted, save_base, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.plan import ModelView
    from bench.records.record import RunRecord


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.mark.parametrize("text", ["full", "freeze", "freeze:last=1"])
def test_without_adapters_what_trained_is_to_be_stored(
    run: Callable[..., tuple[RunRecord, list[str]]], text: str
) -> None:
    record, _ = run(text)

    measured = record.measured
    assert measured is not None
    assert measured.evaluation.merged_seconds is None
    assert measured.deploy_bytes == 4 * sum(rate.num_params for rate in measured.layer_rates if rate.lr is not None)


@dataclass(frozen=True)
class InHalf:
    """Train the head of a model in bf16."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout({view.head}), weights="bf16")


def test_weights_count_in_the_type_that_they_are_in(base: Path) -> None:
    assert deploy_bytes(trained(InHalf(), base)) == 2 * 3 * 64


def test_adapters_count_with_the_head(base: Path) -> None:
    prepared = trained(Adapted("lora"), base)
    adapters = sum(param.nbytes for name, param in prepared.model.named_parameters() if "lora_" in name)
    assert deploy_bytes(prepared) == adapters + 4 * 3 * 64
    assert list(modules_beside_adapters(prepared) or ()) == ["score"]


@pytest.mark.parametrize("kind", ["pissa", "olora"])
def test_adapters_on_weights_that_were_rewritten_count_as_the_weights_that_they_are_merged_into(
    kind: str, base: Path
) -> None:
    prepared = trained(Adapted(kind), base)
    rewritten = sum(param.nbytes for name, param in prepared.params.items() if "proj" in name)
    assert modules_beside_adapters(prepared) is None
    assert deploy_bytes(prepared) == rewritten + 4 * 3 * 64
