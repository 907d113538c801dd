from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard

from bench.errors import Unsupported
from bench.plan.compose import compose
from bench.training.parallel.choose import check_shared
from bench.training.parallel.group import Group, joined
from bench.training.parallel.shard import Shard
from bench.training.parallel.single import Single
from bench.training.passes.cut import cut
from bench.training.target import Target, aiming_at
from bench.workload.models.layers import layers_of, view_of
from bench.workload.toy import tiny_llama
from tests.applied import CPU, applied
from tests.training.parallel.ranks import SPLIT

if TYPE_CHECKING:
    from bench.plan.train_plan import Precision


def test_one_process_keeps_its_parameters() -> None:
    param = torch.nn.Parameter(torch.ones(2))
    params, changed = {"a": param}, {param: True}
    found = cut(Single(), torch.nn.Linear(1, 1), layers={}, params=params, is_rewritten=changed, resolved=None)  # type: ignore[arg-type]
    assert found == (params, changed)
    assert found[0] is params


def test_what_is_cut_is_found_again_by_its_name(tmp_path: object) -> None:
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        prepared = applied("pissa+shard", split=SPLIT, group=group)
        of_model = {id(param) for param in prepared.model.parameters()}
        assert all(id(param) in of_model for param in prepared.params.values())
        assert set(prepared.rewritten) <= set(prepared.params.values())
        assert prepared.rewritten
        assert all(hasattr(param, "full_tensor") for param in prepared.trained)
        assert {name for name, param in prepared.params.items() if param.requires_grad} == prepared.resolved.trained


def test_whoever_keeps_a_whole_parameter_keeps_none_of_its_numbers(tmp_path: object) -> None:
    model = tiny_llama()
    whole = list(model.parameters())
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        prepared = applied("full+shard", model, split=SPLIT, group=group)
    assert not any(param.numel() for param in whole)
    assert all(param.numel() for param in prepared.model.parameters())


@pytest.mark.parametrize("offload", [False, True])
def test_every_part_of_a_model_waits_where_it_is_told(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, offload: bool
) -> None:
    policies: list[OffloadPolicy] = []

    def noting(module: torch.nn.Module, **options: Any) -> object:
        policies.append(options["offload_policy"])
        return fully_shard(module, **options)

    monkeypatch.setattr("bench.training.parallel.shard.fully_shard", noting)
    model = tiny_llama()
    layers = layers_of(model)
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        shard = Shard(group.rank, group.num_ranks, CPU, offloads=offload)
        shard.cut(model, layers, model.parameters(), compose([], view_of(model)))
    assert len(policies) == len(layers) + 1
    assert all(isinstance(policy, CPUOffloadPolicy) == offload for policy in policies)


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("full+seen_embeddings", "seen_embeddings splits a table"),
        ("gradual+pure_bf16", "summed in bf16"),
        ("freeze+frozen:weights=nf4", "weights in nf4 are not cut"),
    ],
)
def test_what_would_be_wrong_in_parts_is_refused_in_words(strategy: str, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        applied(f"{strategy}+shard", split=SPLIT, group=Group(0, 2, CPU))


def test_a_cpu_has_no_other_memory_to_wait_in() -> None:
    with pytest.raises(Unsupported, match="where a CPU has them anyway: leave offload out"):
        applied("full+shard:offload=true", split=SPLIT, group=Group(0, 2, CPU))


@pytest.mark.parametrize(
    ("precision", "native", "is_refused"), [("amp", False, True), ("amp", True, False), ("fp16", True, True)]
)
def test_a_loss_scale_on_a_gpu_does_not_meet_gradients_on_the_host(
    precision: Precision, native: bool, is_refused: bool
) -> None:
    plan = replace(compose([], view_of(tiny_llama())), precision=precision).with_parallel("shard-offload")
    with aiming_at(Target(kind="cuda", name="a GPU", has_native_bf16=native)):
        refused = pytest.raises(Unsupported, match="fp16's loss scale") if is_refused else nullcontext()
        with refused:
            check_shared(plan, torch.device("cuda"))


def test_one_process_has_nobody_to_share_with() -> None:
    with pytest.raises(Unsupported, match="give --nproc 2 or more"):
        applied("full+shard", split=SPLIT)
