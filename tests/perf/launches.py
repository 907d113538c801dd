"""What a step starts on a GPU, and what it takes there, ours and that of transformers' Trainer: tables, printed.

    PYTHONPATH=. python tests/perf/launches.py counts     # on any machine: a CPU counts what a GPU would be asked to start
    PYTHONPATH=. python tests/perf/launches.py measure    # on a GPU, in less than seven minutes; on a CPU a trial of the script

The first counts as tests/launches.py says. The second holds the kernels against float64, counts the kernels that really run by torch's
profiler, and takes turns with the Trainer, at the size of SmolLM2-135M and at one where arithmetic takes the time.
"""

# ruff: noqa: T201  (it prints tables)

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig, LlamaForSequenceClassification, TrainerCallback

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.training.forward.layout import bounds_of
from bench.training.forward.rule import way_on_cpu
from bench.training.forward.various_lengths import attend
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, steps
from bench.workload.data.dataset import Split
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES
from tests.gpu_kernels import as_on_a_gpu
from tests.launches import launches_of_ours, launches_of_the_trainer, trainer_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

STRATEGIES = ("full", "amp", "freeze", "lora", "freeze:last=2+cached")
RATE = 5e-5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
IS_TRIAL = DEVICE.type == "cpu"


@dataclass(frozen=True)
class Size:
    """A model and its batches; the trial's is tiny."""

    name: str
    width: int
    num_layers: int
    num_heads: int
    num_key_heads: int
    num_tokens: int
    batch_size: int
    lengths: tuple[float, float]
    """Mean and deviation, in tokens."""
    num_steps: int
    num_turns: int

    def model(self) -> PreTrainedModel:
        """Make it, with random weights."""
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=self.num_tokens,
            hidden_size=self.width,
            intermediate_size=self.width * 8 // 3,
            num_hidden_layers=self.num_layers,
            num_attention_heads=self.num_heads,
            num_key_value_heads=self.num_key_heads,
            pad_token_id=0,
            use_cache=False,
            num_labels=2,
            problem_type="single_label_classification",
        )
        return LlamaForSequenceClassification(config).to(DEVICE)

    def split(self) -> Split:
        """Make rows of random tokens."""
        rng = np.random.default_rng(0)
        lengths = np.clip(rng.normal(*self.lengths, self.num_steps * self.batch_size), 3, 512).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        tokens = rng.integers(3, self.num_tokens, offsets[-1], dtype=np.int32)
        return Split(tokens=tokens, offsets=offsets, labels=np.arange(len(lengths)) % 2)

    @property
    def batches(self) -> list[NDArray[np.int64]]:
        """The rows of each step."""
        return list(np.arange(self.num_steps * self.batch_size).reshape(self.num_steps, self.batch_size))


SMALL = Size("SmolLM2-135M", 576, 30, 9, 3, 49_152, 16, (27, 11), 24, 5)
LARGE = Size("width 2048, 8 layers", 2048, 8, 16, 8, 32_000, 16, (256, 0), 8, 3)
TRIAL = Size("trial", 32, 2, 4, 2, 64, 4, (9, 3), 4, 2)


def counts(num_layers: int) -> None:
    """Print what a step starts."""
    print(
        f"\n| {num_layers} layers | ours | Trainer | ours / Trainer | copies of a batch: ours, Trainer |\n|---|--:|--:|--:|--:|"
    )
    for strategy in STRATEGIES:
        ours = launches_of_ours(strategy, num_layers)
        trainers = launches_of_the_trainer(strategy.removesuffix("+cached"), num_layers)
        copies = f"{ours.num_copies}, {trainers.num_copies}"
        print(f"| `{strategy}` | {ours.num} | {trainers.num} | {ours.num / trainers.num:.2f} | {copies} |", flush=True)


def kernels() -> None:
    """Print how far the kernels for various lengths are from float64."""
    print("\n| kernels for various lengths | output | gradients of query, key, value |\n|---|--:|--:|")
    draw = torch.Generator().manual_seed(0)
    bounds = bounds_of(np.array([1, 2, 70, 33, 17, 5]))
    places = bounds.places.to(DEVICE)
    for dtype, key_heads in ((torch.float32, 9), (torch.float32, 3), (torch.bfloat16, 9), (torch.bfloat16, 3)):
        exact = [
            torch.randn(bounds.num_tokens, heads, 64, generator=draw).to(dtype).double()
            for heads in (9, key_heads, key_heads, 9)
        ]
        *parts, grad = (part.to(DEVICE, dtype) for part in exact)
        leaves = [part.requires_grad_() for part in parts]
        outputs = attend(*leaves, places, places, most_queries=70, longest=70, causal=True, scale=None)
        found = [outputs.detach(), *torch.autograd.grad(outputs, leaves, grad)]
        wanted = _in_float64(exact, bounds.places.tolist())
        errors = [
            float((one.double().cpu() - other).abs().max() / other.abs().max())
            for one, other in zip(found, wanted, strict=True)
        ]
        print(
            f"| {dtype}, 9 heads, {key_heads} of keys | {errors[0]:.1e} | {', '.join(f'{it:.1e}' for it in errors[1:])} |"
        )


def _in_float64(parts: list[torch.Tensor], places: list[int]) -> list[torch.Tensor]:
    *leaves, grad = parts
    leaves = [part.clone().requires_grad_() for part in leaves]
    outputs = []
    for start, end in pairwise(places):
        query, key, value = (part[start:end].transpose(0, 1) for part in leaves)
        key, value = (part.repeat_interleave(len(query) // len(part), 0) for part in (key, value))
        scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
        hidden = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
        outputs.append((scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value).transpose(0, 1))
    joined = torch.cat(outputs)
    return [joined.detach(), *torch.autograd.grad(joined, leaves, grad)]


def ours(strategy: str, size: Size, on_step: Callable[[], None], *, by_counts: bool = False) -> list[float]:
    """Train a fresh model, packed or in the way that is chosen on a CPU by counts; give the losses."""
    model, split = size.model(), size.split()
    way = way_on_cpu(model, split.lengths, size.batch_size, None) if by_counts else None
    view = view_of(model)
    plan = compose([registry.load(term) for term in parse_strategy(strategy)], view).with_lr(RATE)
    applied = partial(prepare, split=split, pad_token_id=0, rates=TOY_RATES, device=DEVICE, weight_decay=0.0)
    prepared = applied(model, view, plan, way=way)
    if prepared.why_padded:
        print(f"ours pads: {prepared.why_padded}")
    loop = steps(prepared, split, Schedule(epochs=[size.batches], warmup_ratio=0.0), on_point=lambda *_: None)
    while True:
        try:
            next(loop)
        except StopIteration as end:
            return list(end.value.losses)
        on_step()


def trainers(strategy: str, size: Size, on_step: Callable[[], None]) -> list[float]:
    """Train a fresh model with transformers' Trainer; give the losses."""
    losses: list[torch.Tensor] = []

    class Told(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            on_step()

    with TemporaryDirectory() as directory:
        trainer = trainer_for(
            strategy,
            size.model(),
            split=size.split(),
            batches=size.batches,
            callback=Told(),
            directory=directory,
            learning_rate=RATE,
            use_cpu=IS_TRIAL,
        )
        step = trainer.training_step

        def training_step(*args: Any, **kwargs: Any) -> torch.Tensor:
            losses.append(step(*args, **kwargs))
            return losses[-1]

        trainer.training_step = training_step  # type: ignore[method-assign]
        trainer.train()
    return torch.stack(losses).tolist()


def profiled(size: Size) -> None:
    """Print the kernels of a steady step, and how long the GPU works."""
    print(f"\n| {size.name}, a step | kernels: ours, Trainer | GPU busy, ms: ours, Trainer |\n|---|--:|--:|")
    for strategy in STRATEGIES[:3]:
        found = [_kernels_of(side, strategy, size) for side in (ours, trainers)]
        print(
            f"| `{strategy}` | {', '.join(f'{num:.0f}' for num, _ in found)} | {', '.join(f'{ms:.1f}' for _, ms in found)} |"
        )


def _kernels_of(side: Callable[..., list[float]], strategy: str, size: Size) -> tuple[float, float]:
    num_done = 0
    profiler = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    num_seen = size.num_steps - size.num_steps // 2

    def on_step() -> None:
        nonlocal num_done
        num_done += 1
        if num_done == size.num_steps // 2:
            torch.cuda.synchronize()
            profiler.__enter__()
        elif num_done == size.num_steps:
            torch.cuda.synchronize()
            profiler.__exit__(None, None, None)

    side(strategy, size, on_step)
    on_device = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return len(on_device) / num_seen, sum(event.device_time for event in on_device) / 1000 / num_seen


def turns(size: Size) -> None:
    """Print the seconds of a step, taken in turns, and how far the losses are apart."""
    print(
        f"\n| {size.name}, ms a step | ours | Trainer | ours is as fast, times (least to most) | losses apart |\n|---|--:|--:|--:|--:|"
    )
    for strategy in STRATEGIES[:3]:
        seconds: dict[str, list[float]] = {"ours": [], "trainers": []}
        losses: dict[str, list[float]] = {}
        for turn in range(size.num_turns + 1):  # the first loads kernels
            for side in (ours, trainers) if turn % 2 else (trainers, ours):
                step_seconds, losses[side.__name__] = _timed(side, strategy, size)
                if turn:
                    seconds[side.__name__].append(step_seconds)
        ratios = [theirs / own for own, theirs in zip(seconds["ours"], seconds["trainers"], strict=True)]
        apart = max(abs(one - other) for one, other in zip(losses["ours"], losses["trainers"], strict=True))
        own, theirs = (1000 * statistics.median(seconds[name]) for name in ("ours", "trainers"))
        faster = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| `{strategy}` | {own:.1f} | {theirs:.1f} | {faster} | {apart:.1e} |", flush=True)


def _timed(side: Callable[..., list[float]], strategy: str, size: Size) -> tuple[float, list[float]]:
    """Give the seconds of a step, of those after the first quarter, and the losses."""
    marks: list[float] = []

    def on_step() -> None:
        if len(marks) in {size.num_steps // 4 - 1, size.num_steps - 1} and not IS_TRIAL:
            torch.cuda.synchronize()
        marks.append(time.perf_counter())

    losses = side(strategy, size, on_step)
    first = size.num_steps // 4 - 1
    return (marks[-1] - marks[first]) / (len(marks) - 1 - first), losses


def measure() -> None:
    """Print all tables of a GPU, or try the script."""
    name = torch.cuda.get_device_name() if not IS_TRIAL else "no GPU: a trial, whose numbers say nothing"
    print(f"{name}; torch {torch.__version__}, transformers {transformers.__version__}")
    with ExitStack() as stack:
        if IS_TRIAL:
            stack.enter_context(as_on_a_gpu())
        kernels()
        if not IS_TRIAL:
            profiled(SMALL)
        for size in (TRIAL,) if IS_TRIAL else (SMALL, LARGE):
            turns(size)
    print("\nReplay is not built: nothing is captured.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("counts", "measure"))
    parser.add_argument("--layers", type=int, default=30, help="of the model that is counted")
    asked = parser.parse_args()
    if asked.what == "counts":
        counts(asked.layers)
    else:
        measure()
