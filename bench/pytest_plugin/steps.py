"""Trains a strategy one step per call, for benchmarks of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from bench.errors import UsageError
from bench.executors.devices import choose_device
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.gate.judging.benchmark_files import TRAINING_MEMORY_KEY
from bench.measuring.environment import fingerprint
from bench.measuring.peaks import Peaks
from bench.training.savings.onednn_linear import fp32_matmuls
from bench.training.schedule import schedule_of
from bench.training.trainer import steps
from bench.worker.assemble import load_inputs
from bench.workload.toy_files import toy_settings

if TYPE_CHECKING:
    from bench.experiment.spec import RunSpec

__all__ = ["Stepper", "benchmark_steps", "spec_of"]

_SPARE = 2
"""Steps that a profiler may ask for after those that are timed."""


class Stepper:
    """The training of one strategy, ready for its first step, which also sets up what the strategy needs."""

    def __init__(self, spec: RunSpec) -> None:
        """Load model and data, and apply the strategy."""
        self._device = torch.device(spec.device)
        self._peaks = Peaks(self._device)
        inputs = load_inputs(spec, before_weights=self._peaks.before_weights)
        data, prepared = inputs.data, inputs.prepare(self._device)
        self.environment = fingerprint(self._device, data.assets, spec, fp32_matmuls=fp32_matmuls(self._device))
        torch.manual_seed(spec.seed)
        self._peaks.enter("train")
        self._loop = steps(prepared, data.train, schedule_of(spec, data.train), on_point=lambda *_: None)

    def step(self) -> None:
        """Take a step, and wait until the device is done with it."""
        next(self._loop)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def close(self) -> int | None:
        """End training and return its peak in bytes: above what this process held before the model, or of torch's allocator on a GPU."""
        self._loop.close()
        return self._peaks.end().training_bytes


def benchmark_steps(benchmark: Any, strategy: str, *, rounds: int, warmup_rounds: int, **settings: Any) -> None:
    """Time steps of a strategy with pytest-benchmark's fixture `benchmark`, and record beside them what the gate reads.

    Raises:
        UsageError: a name or a value that is not valid.

    """
    spec = spec_of(strategy, rounds=rounds, warmup_rounds=warmup_rounds, **settings)
    stepper = Stepper(spec)
    benchmark.pedantic(stepper.step, rounds=rounds, iterations=1, warmup_rounds=warmup_rounds)
    environment = stepper.environment
    benchmark.extra_info |= {
        "strategy": spec.name,
        TRAINING_MEMORY_KEY: stepper.close(),
        "step_seconds": list(benchmark.stats.stats.data) if benchmark.stats else [],
        "fingerprint": environment.model_dump(mode="json"),
    }


def spec_of(strategy: str, *, rounds: int, warmup_rounds: int, **settings: Any) -> RunSpec:
    """Return the settings of a run with as many steps as are timed, on the toy workload where neither model nor data are named.

    Raises:
        UsageError: a name or a value that is not valid.

    """
    if rounds < 1 or warmup_rounds < 1:
        msg = f"{rounds} rounds after {warmup_rounds} to warm up: give 1 or more of each, the first step sets up"
        raise UsageError(msg)
    asked = {"strategies": strategy, "steps": rounds + warmup_rounds + _SPARE} | settings
    if not settings.keys() & {"model", "dataset"}:
        asked = toy_settings("steps", width=128, num_words=(1, 9)) | asked
    gathered = Settings.gather(asked)
    specs = matrix(gathered, choose_device(gathered.device))
    if len(specs) > 1:
        msg = f"{strategy}, {gathered.seeds} seeds: a benchmark is of one strategy and one seed; parametrize the test"
        raise UsageError(msg)
    return specs[0].model_copy(update={"evaluations": 1})
