"""A model is evaluated with its adapters merged, and is afterwards what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest
import torch
from torch import nn

from bench.experiment import registry
from bench.plan import Edit
from bench.training.evaluation import predict
from bench.worker.merged import evaluate_merged
from tests.worker.adapted import KINDS, SPLIT, Adapted, Adapters, Averaged, save_base, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.experiment.spec import WorkloadSpec
    from bench.plan import ModelView
    from bench.records.record import RunRecord

CANNOT_MERGE = {"lily"}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of peft


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.mark.parametrize("kind", KINDS)
def test_merging_leaves_no_bit_behind(kind: str, base: Path) -> None:
    prepared = trained(Adapted(kind), base)
    predictions = predict(prepared, SPLIT)
    before = {name: tensor.clone() for name, tensor in prepared.model.state_dict().items()}

    merging = evaluate_merged(prepared, SPLIT, predictions)

    assert merging.seconds > 0
    assert (merging.evaluation_seconds is None) == (kind in CANNOT_MERGE)
    assert [flag.code for flag in merging.flags] == ["not-merged"] * (kind in CANNOT_MERGE)
    after = prepared.model.state_dict()
    assert list(after) == list(before)
    assert [name for name, tensor in after.items() if not torch.equal(tensor, before[name])] == []


def test_a_model_without_adapters_is_not_evaluated_again(base: Path) -> None:
    merging = evaluate_merged(prepared := trained(registry.class_of("full")(), base), SPLIT, predict(prepared, SPLIT))
    assert (merging.evaluation_seconds, merging.flags) == (None, ())


@dataclass(frozen=True)
class Wrong(Adapters):
    def __call__(self, model: PreTrainedModel) -> nn.Module:
        outer = super().__call__(model)
        outer.merge_adapter = lambda: outer.score.weight.data.mul_(-1)
        outer.unmerge_adapter = lambda: outer.score.weight.data.mul_(-1)
        return outer


@dataclass(frozen=True)
class Changed(Adapted):
    """Adapt otherwise."""

    adapters: type[Adapters] = Adapters
    frozen_weights: Literal["nf4"] | None = None

    def edit(self, view: ModelView) -> Edit:
        edit = super().edit(view)
        (adapters,) = edit["transforms"]
        changed = self.adapters(self.kind, adapters.targets)
        return Edit(phases=edit["phases"], transforms=(changed,), frozen_weights=self.frozen_weights)


def test_weights_in_few_bits_are_not_merged(base: Path) -> None:
    prepared = trained(Changed("lora", frozen_weights="nf4"), base)
    predictions = predict(prepared, SPLIT)

    merging = evaluate_merged(prepared, SPLIT, predictions)

    assert (merging.evaluation_seconds, merging.flags) == (None, ())
    assert (predict(prepared, SPLIT).losses == predictions.losses).all()


def test_a_merged_model_that_predicts_something_else_is_not_measured(base: Path) -> None:
    prepared = trained(Changed("lora", adapters=Wrong), base)

    merging = evaluate_merged(prepared, SPLIT, predict(prepared, SPLIT))

    assert merging.evaluation_seconds is None
    (flag,) = merging.flags
    assert "the loss of a row differs by" in flag.message


def test_averaged_adapters_are_those_that_are_merged(base: Path) -> None:
    prepared = trained(Averaged("lora"), base)
    before = {name: tensor.clone() for name, tensor in prepared.model.state_dict().items()}

    merging = evaluate_merged(prepared, SPLIT, predict(prepared, SPLIT))

    assert (merging.evaluation_seconds is not None, merging.flags) == (True, ())
    assert all(torch.equal(tensor, before[name]) for name, tensor in prepared.model.state_dict().items())


def test_a_run_tells_what_its_model_costs_later(
    run: Callable[..., tuple[RunRecord, list[str]]],
    workload: WorkloadSpec,
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry._offered, "adapted", Adapted)

    record, _ = run(
        "adapted:kind=lora",
        save_model=str(tmp_path / "kept"),
        workload=workload.model_copy(update={"model": str(base)}),
    )

    assert record.measured is not None, record.reason
    assert record.measured.evaluation.merged_seconds is not None
    file = tmp_path / "kept" / "adapter_model.safetensors"
    header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
    assert record.measured.deploy_bytes == file.stat().st_size - header
    assert not {"not-merged", "not-saved"} & {flag.code for flag in record.flags}
