"""The examination: a few runs of a tiny model, each with something about it that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from bench.analysis.claims import LEVEL
from bench.analysis.power import detectable
from bench.analysis.strategy_result import make_result, relative
from bench.doctor.checks import Check, arithmetic, billing, memory, pace
from bench.doctor.flops_by_hand import freeze_flops, full_flops
from bench.errors import BenchError
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.protocol import Phase, Request
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.analysis.intervals import Interval
    from bench.protocol import Message
    from bench.records.record import Measurement, RunRecord

__all__ = ["Diagnosis", "examine"]

WIDTH = 192
"""Of the model: wide enough that its memory and time are no noise, and small enough for any machine."""
BATCH, LENGTH = 16, 32
"""Rows per step, and tokens in every row."""
NUM_ROWS = 400
PACE_SECONDS, PACED_STEPS = 0.15, 20
HOARD_MIB = 512
TWIN_SEEDS, TWIN_STEPS = 3, 12


class RunsOne(Protocol):
    """Any runner."""

    def run(self, request: Request, on_message: Callable[[Message], None] | None = None, /) -> RunRecord:
        """Carry out one request."""
        ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the examination found."""

    checks: tuple[Check, ...]
    noise: Interval
    """Step time of one of two equal strategies over the other's: what is not 1 is noise, and no instrument's error."""
    detectable: float | None
    """The smallest relative difference in step time that as many runs would have detected, four times out of five."""

    @property
    def is_well(self) -> bool:
        """Whether no instrument errs too much."""
        return not any(check.passes is False for check in self.checks)


def examine(runner: RunsOne, device: str, say: Callable[[str], None]) -> Diagnosis:
    """Measure what is known, on a device; `say` gets a sentence for each part.

    Raises:
        BenchError: a run that must work did not.

    """
    with TemporaryDirectory(prefix="bench-doctor-") as directory:
        patient = _Patient(runner, device, Path(directory))
        say(f"steps of {PACE_SECONDS} s each")
        paced, _ = patient.run(f"freeze+paced:seconds={PACE_SECONDS}", steps=PACED_STEPS)
        say(f"{HOARD_MIB} MiB taken in training, more in evaluation")
        hoarding, _ = patient.run(f"freeze+hoarding:train={HOARD_MIB}", steps=4)
        say("a cache that is filled once")
        cached, seconds = patient.run("freeze+cached")
        say(f"two equal strategies, {TWIN_SEEDS} runs each")
        noise, full = patient.twins()
    size = {"width": WIDTH, "rows": BATCH, "length": LENGTH}
    checks = (
        *pace(paced, seconds=PACE_SECONDS, rows=BATCH, tokens=BATCH * LENGTH),
        *memory(paced, hoarding, num_bytes=HOARD_MIB << 20),
        billing(cached, seconds=seconds),
        arithmetic(paced, strategy="freeze", flops=freeze_flops(**size)),
        arithmetic(full, strategy="full", flops=full_flops(**size)),
    )
    return Diagnosis(checks, noise, None if noise.evidence is None else detectable(noise.evidence, LEVEL))


@dataclass
class _Patient:
    """A tiny model and rows of one length, and the runs they go through."""

    runner: RunsOne
    device: str
    directory: Path
    workload: WorkloadSpec = field(init=False)

    def __post_init__(self) -> None:
        num_words = LENGTH - 1  # and one more, which makes each text unlike any other
        data = save_toy_reviews(self.directory / "rows.csv", NUM_ROWS + NUM_ROWS // 4, (num_words, num_words))
        model = save_tiny_llama(self.directory / "model", width=WIDTH)
        self.workload = WorkloadSpec(
            model=str(model), dataset=str(data), train_samples=NUM_ROWS, eval_samples=64, max_length=LENGTH
        )

    def run(self, strategy: str, *, seed: int = 0, steps: int | None = None) -> tuple[Measurement, float]:
        """Carry out one run; give what it measured, and the seconds between the beginnings of training and evaluation."""
        began: dict[str, float] = {}

        def listen(message: Message) -> None:
            if isinstance(message, Phase):
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
        record = self.runner.run(Request(spec=spec), listen)
        if record.status != "ok":
            msg = f"the run of {strategy} ended as {record.status}: {record.reason}"
            raise BenchError(msg)
        return record

    def twins(self) -> tuple[Interval, Measurement]:
        """Run two strategies that are the same, in turn, and compare their step times; give one run's measurement too."""
        arms: tuple[list[RunRecord], list[RunRecord]] = ([], [])
        for seed in range(TWIN_SEEDS):
            for number in (0, 1) if seed % 2 else (1, 0):
                arms[number].append(self.record(f"twin:number={number}", seed=seed, steps=TWIN_STEPS))
        first, second = (make_result(f"twin {n}", tuple(arm), is_reference=not n) for n, arm in enumerate(arms))
        noise = relative(second, first, "step_seconds_median")
        one = arms[0][0].measured
        assert noise is not None
        assert one is not None
        return noise, one
