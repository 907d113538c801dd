"""Where a step is small, its time on a GPU is that of starting kernels: ours starts few, and on a CPU what is small takes no detour."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench.training.target import Target, aiming_at
from bench.workload.toy import tiny_llama
from tests.applied import applied
from tests.gpu_kernels import as_on_a_gpu
from tests.launches import BATCHES, SPLIT, counted, launches_of_ours, launches_of_the_trainer

MOST = {"full": 0.5, "freeze": 0.55, "amp": 0.5, "lora": 0.6, "freeze:last=2+cached": 0.5}
"""What a step may start, for what one of the Trainer starts."""
MOST_PER_LAYER = {"full": 0.5, "freeze": 0.5, "amp": 0.5, "lora": 0.55, "freeze:last=2+cached": 0.0}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("masked", "key_heads"), [(False, 4), (False, 2), (True, 4)])
def test_the_kernels_that_stand_for_those_of_a_gpu_compute_the_same(
    dtype: torch.dtype, masked: bool, key_heads: int
) -> None:
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(2, heads, 7, 8, generator=draw).to(dtype) for heads in (4, key_heads, key_heads)]
    mask = torch.rand(2, 1, 7, 7, generator=draw) < 0.5 if masked else None
    if mask is not None:
        mask |= torch.eye(7, dtype=torch.bool)
    weight, grad = torch.rand(8, generator=draw), torch.randn(2, 4, 7, 8, generator=draw).to(dtype)

    def run() -> list[torch.Tensor]:
        leaves = [part.clone().requires_grad_() for part in (*parts, weight)]
        attended = functional.scaled_dot_product_attention(
            *leaves[:3], attn_mask=mask, is_causal=not masked, enable_gqa=True
        )
        normed = functional.rms_norm(attended.float(), (8,), leaves[3], 1e-6)
        return [normed.detach(), *torch.autograd.grad(normed, leaves, grad.float())]

    wanted = run()
    with as_on_a_gpu():
        found = run()
    for one, other in zip(found, wanted, strict=True):
        assert float((one - other).abs().max()) <= (1e-5 if dtype == torch.float32 else 0.05) * float(other.abs().max())


@pytest.mark.parametrize("strategy", MOST)
def test_a_step_starts_no_more_than_one_of_the_trainer(strategy: str) -> None:
    ours = {num: launches_of_ours(strategy, num).num for num in (4, 8)}
    trainers = {num: launches_of_the_trainer(strategy.removesuffix("+cached"), num).num for num in (4, 8)}
    for num in (4, 8):
        assert ours[num] <= MOST[strategy] * trainers[num], (ours, trainers)
    assert ours[8] - ours[4] <= MOST_PER_LAYER[strategy] * (trainers[8] - trainers[4]), (ours, trainers)


@pytest.mark.parametrize("strategy", ["full", "amp"])
def test_batches_of_one_size_run_the_same_operations_and_nothing_waits(strategy: str) -> None:
    with as_on_a_gpu():
        prepared = applied(strategy, split=SPLIT)
        runs = []
        for rows in BATCHES:
            batch = prepared.batch(SPLIT, rows)
            with counted() as launches:
                with prepared.precision.forward():
                    loss = prepared.loss(batch)
                prepared.precision.backward(loss)
            prepared.optimizer.zero_grad(set_to_none=True)
            runs.append(launches)
    assert len({int(SPLIT.lengths[rows].sum()) for rows in BATCHES}) > 1
    for run in runs:
        assert run.calls == runs[0].calls
        assert not run.waits
        assert not run.num_copies


def test_a_small_linear_layer_takes_no_detour_on_a_cpu() -> None:
    with aiming_at(Target(kind="cpu", name="an AMD", has_native_bf16=False, prefers_onednn=True)):
        prepared = applied("full", tiny_llama(width=64), split=SPLIT)
        todo = [prepared.loss(prepared.batch(SPLIT, BATCHES[0])).grad_fn]
    nodes = set()
    while todo:
        if (node := todo.pop()) is not None and node not in nodes:
            nodes.add(node)
            todo += [following for following, _ in node.next_functions]
    written = {node.name() for node in nodes if isinstance(node, torch.autograd.function.BackwardCFunction)}
    assert written <= {"_SpreadBackward", "_GatherBackward"}, "attention alone has some"
    assert sum(node.name() == "MmBackward0" for node in nodes) >= 4 * 7
