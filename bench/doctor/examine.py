"""The examination: a few runs of a tiny model, in each of which something is known in advance."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.analysis.claims import LEVEL
from bench.analysis.power import detectable
from bench.analysis.strategy_result import make_result, relative
from bench.campaign.executing import only
from bench.doctor.checks import Check, arithmetic, billing, memory, pace
from bench.doctor.flops_by_hand import freeze_flops, full_flops
from bench.errors import BenchError
from bench.executors import InProcessRunner, Runner
from bench.executors.devices import choose_device
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.protocol import Request, Stage
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.analysis.intervals import Interval
    from bench.campaign.executing import Executor
    from bench.protocol import Message
    from bench.records.record import Measurement, RunRecord

__all__ = ["Diagnosis", "Effort", "diagnose", "examine"]

BATCH, LENGTH = 16, 32
"""Rows per step, and tokens in every row."""
NUM_ROWS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How large and long the runs of an examination are."""

    width: int = 192
    """Of the model: its memory and time must exceed the noise, and any machine must be able to run it."""
    pace_seconds: float = 0.15
    paced_steps: int = 20
    hoard_mib: int = 512
    twin_seeds: int = 3
    twin_steps: int = 12


_FULL = Effort()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of an examination."""

    checks: tuple[Check, ...]
    noise: Interval
    """The ratio of the step times of two equal strategies: its deviation from 1 is noise, not an instrument's error."""
    detectable: float | None
    """The smallest relative difference in step time that as many runs detect with 80 % probability."""

    @property
    def is_well(self) -> bool:
        """Whether no instrument fails."""
        return not any(check.passes is False for check in self.checks)


def diagnose(device: str, *, in_process: bool, say: Callable[[str], None]) -> Diagnosis:
    """Check every instrument of this machine, in fresh processes unless `in_process`.

    Raises:
        UsageError: there is no such device.
        BenchError: a run failed.

    """
    with (InProcessRunner if in_process else Runner)(entry="bench.doctor.known_strategies:main", on_wait=say) as runner:
        return examine(runner, choose_device(device), say)


def examine(executor: Executor, device: str, say: Callable[[str], None], effort: Effort = _FULL) -> Diagnosis:
    """Check every instrument on a device; `say` gets a sentence for each part.

    Raises:
        BenchError: a run failed.

    """
    with TemporaryDirectory(prefix="bench-doctor-") as directory:
        tiny = _TinyRuns(executor, device, Path(directory), effort)
        say(f"steps of {effort.pace_seconds} s each")
        paced, _ = tiny.run(f"freeze+paced:seconds={effort.pace_seconds}", steps=effort.paced_steps)
        say(f"{effort.hoard_mib} MiB taken in training, more in evaluation")
        hoarding, _ = tiny.run(f"freeze+hoarding:train={effort.hoard_mib}", steps=4)
        say("a cache that is filled once")
        cached, seconds = tiny.run("freeze+cached")
        say(f"two equal strategies, {effort.twin_seeds} runs each")
        noise, full = tiny.twins()
    size = {"width": effort.width, "rows": BATCH, "length": LENGTH}
    checks = (
        *pace(paced, seconds=effort.pace_seconds, rows=BATCH, tokens=BATCH * LENGTH),
        *memory(paced, hoarding, num_bytes=effort.hoard_mib << 20),
        billing(cached, seconds=seconds),
        arithmetic(paced, strategy="freeze", flops=freeze_flops(**size)),
        arithmetic(full, strategy="full", flops=full_flops(**size)),
    )
    return Diagnosis(checks, noise, None if noise.evidence is None else detectable(noise.evidence, LEVEL))


@dataclass
class _TinyRuns:
    """Runs of a tiny model on rows of one length."""

    executor: Executor
    device: str
    directory: Path
    effort: Effort
    workload: WorkloadSpec = field(init=False)

    def __post_init__(self) -> None:
        num_words = LENGTH - 1  # and one more, which makes each text unlike any other
        data = save_toy_reviews(self.directory / "rows.csv", NUM_ROWS + NUM_ROWS // 4, (num_words, num_words))
        model = save_tiny_llama(self.directory / "model", width=self.effort.width)
        self.workload = WorkloadSpec(
            model=str(model), dataset=str(data), train_samples=NUM_ROWS, eval_samples=64, max_length=LENGTH
        )

    def run(self, strategy: str, *, seed: int = 0, steps: int | None = None) -> tuple[Measurement, float]:
        """Carry out one run; return its measurement, and the seconds from the start of training to that of evaluation."""
        began: dict[str, float] = {}

        def listen(message: Message) -> None:
            if isinstance(message, Stage):
                began.setdefault(message.name, message.at)

        record = self.record(strategy, seed=seed, steps=steps, listen=listen)
        assert record.measured is not None
        return record.measured, began["evaluate"] - began["train"]

    def record(
        self, strategy: str, *, seed: int, steps: int | None, listen: Callable[[Message], None] | None = None
    ) -> RunRecord:
        spec = RunSpec(
            strategy=parse_strategy(strategy),
            workload=self.workload,
            seed=seed,
            steps=steps,
            batch_size=BATCH,
            evaluations=1,
            device=self.device,
        )
        record = only(self.executor, Request(spec=spec), listen)
        if record.status != "ok":
            raise BenchError(f"the run of {strategy} ended as {record.status}: {record.reason}")
        return record

    def twins(self) -> tuple[Interval, Measurement]:
        """Run two equal strategies in turn; return the ratio of their step times, and one run's measurement."""
        arms: tuple[list[RunRecord], list[RunRecord]] = ([], [])
        for seed in range(self.effort.twin_seeds):
            for number in (0, 1) if seed % 2 else (1, 0):
                arms[number].append(self.record(f"twin:number={number}", seed=seed, steps=self.effort.twin_steps))
        first, second = (make_result(f"twin {n}", tuple(arm), is_reference=not n) for n, arm in enumerate(arms))
        noise = relative(second, first, "step_seconds_median")
        one = arms[0][0].measured
        assert noise is not None
        assert one is not None
        return noise, one
