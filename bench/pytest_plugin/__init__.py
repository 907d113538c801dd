"""The plugin for pytest: a fixture that times a strategy's training steps, and the GPU beside what is recorded.

It is loaded by every pytest that runs where `bench` is installed, so it imports nothing until it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["benchmark_strategy", "pytest_benchmark_update_machine_info"]


@pytest.fixture
def benchmark_strategy(benchmark: Any) -> Callable[..., None]:
    """Time training steps of a strategy with pytest-benchmark: `benchmark_strategy("freeze+amp", rounds=50)`.

    Every setting of `bench compare` can be given by name: `model`, `dataset`, `batch_size`, `max_length`, `device`.
    Where neither model nor data are named, a tiny Llama trains on texts that are made up. The first process fills a
    cache of the data, which takes memory of its own: run once before recording.
    """

    def run(strategy: str = "full", *, rounds: int = 50, warmup_rounds: int = 10, **settings: Any) -> None:
        from bench.pytest_plugin.steps import benchmark_steps  # noqa: PLC0415  (torch)

        benchmark_steps(benchmark, strategy, rounds=rounds, warmup_rounds=warmup_rounds, **settings)

    return run


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Record the GPUs and their driver, which times of different machines are told apart by."""
    from bench.pytest_plugin.machine import gpus  # noqa: PLC0415  (pynvml and pydantic)

    machine_info.update(gpus())
