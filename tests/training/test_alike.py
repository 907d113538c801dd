"""Two plans that say the same are treated the same, whoever wrote them: memory, launches, FLOPs and losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
)

from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring import matmul_rate
from bench.measuring.torch_memory import split_peak
from bench.plan import Edit
from bench.plan.compose import compose
from bench.records.readings import Memory
from bench.training.prepare import prepare
from bench.training.schedule import schedule_of
from bench.training.trainer import train
from bench.worker.efficiency import work_of
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, toy_split
from strategies.full import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.plan import ModelView, Strategy
    from bench.records.readings import MemoryParts

NUM_TOKENS = 500
"""Most of which no row has."""
SPLIT = toy_split(32)
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
OF_ALL = {"vocab_size": NUM_TOKENS, "pad_token_id": 0}


def llama() -> PreTrainedModel:
    return LlamaForSequenceClassification(LlamaConfig(**OF_ALL, **SIZES))


def bert() -> PreTrainedModel:
    return BertForSequenceClassification(BertConfig(**OF_ALL, **SIZES))


def gpt2() -> PreTrainedModel:
    return GPT2ForSequenceClassification(GPT2Config(**OF_ALL, n_embd=16, n_layer=2, n_head=2, n_positions=32))


def adamw(groups: Iterable[Mapping[str, Any]]) -> torch.optim.Optimizer:
    return torch.optim.AdamW([dict(group) for group in groups], fused=True)


def look(_model: torch.nn.Module, _step: int) -> None:
    """Change nothing after a step."""


@dataclass(frozen=True, slots=True)
class OwnAdamw:
    """Bring the AdamW that there is without it."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(optimizer=adamw, **Full().edit(view))


@dataclass(frozen=True, slots=True)
class Looking:
    """Hook into the loop and do nothing."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(after_step=(look,), **Full().edit(view))


class Launches(TorchDispatchMode):
    """Counts what is dispatched to the device, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


def run(make: Callable[[], PreTrainedModel], strategy: Strategy) -> tuple[MemoryParts | None, Any, float, Any]:
    """Train three steps; give the parts of memory, the launches, the FLOPs of a step and the losses."""
    torch.manual_seed(0)
    model = make()
    view = view_of(model)
    spec = RunSpec(strategy=parse_strategy("full"), batch_size=8, steps=3)
    schedule = schedule_of(spec, SPLIT)
    prepared = prepare(
        model,
        view,
        compose([strategy], view),
        split=SPLIT,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=spec.weight_decay,
    )
    torch.manual_seed(0)
    with Launches() as launches:
        trained = train(prepared, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
    memory = Memory(host_baseline_bytes=2**30, host_peak_bytes=2**31)
    parts = split_peak(memory, prepared.model, prepared.trained, prepared.optimizer)
    work, _ = work_of(
        prepared, SPLIT, schedule, [1.0] * 3, num_warmup_steps=0, dtype=torch.float32, device_name="A CPU"
    )
    return parts, launches.counts, work.step_flops, trained.losses


@pytest.mark.parametrize("make", [llama, bert, gpt2])
def test_full_and_the_same_adamw_of_a_third_party_are_treated_alike(
    make: Callable[[], PreTrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)
    parts, launches, flops, losses = wanted = run(make, Full())

    for strategy in (OwnAdamw(), Looking()):
        assert run(make, strategy) == wanted, strategy

    params = list(make().parameters())
    size = sum(param.nbytes for param in params)
    assert parts is not None
    assert (parts.gradients_bytes, parts.optimizer_bytes) == (size, 2 * size + 4 * len(params)), "as in any trainer"
    assert parts.weights_bytes >= size
    assert launches["aten._fused_adamw_.default"] >= 3
    assert flops > 0
    assert len(set(losses)) == 3
