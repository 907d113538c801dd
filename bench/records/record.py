"""What one run left behind, as versioned JSON.

None means "not measured here", never zero. Bytes and seconds inside; GiB and ms only in print.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from bench.experiment.bounds import (
    Bytes,
    Count,
    Elapsed,
    Frozen,
    Lenient,
    Loss,
    Positive,
    Quantity,
    Rate,
    Seconds,
    Share,
)
from bench.experiment.spec import RunSpec
from bench.records.data_summary import DataSummary
from bench.records.flags import FlagCode
from bench.records.lenient import read_json
from bench.records.readings import DeviceActivity, Environment, HostActivity, Memory, StepParts, Work
from bench.records.row_classes import fits

__all__ = [
    "SCHEMA_VERSION",
    "CurvePoint",
    "Environment",
    "Evaluation",
    "Flag",
    "LayerRate",
    "Measurement",
    "Memory",
    "RunRecord",
    "StageName",
    "Status",
]

SCHEMA_VERSION = 1

StageName = Literal["fetch", "load", "train", "evaluate", "probe", "save"]
"""What a run is doing."""

Status = Literal["ok", "oom", "diverged", "failed", "timeout", "killed", "interrupted", "skipped"]


class Flag(Frozen):
    """A doubt about a number, found by a check: a short code, and the sentence for the report."""

    code: Lenient[FlagCode]
    message: str


class LayerRate(Frozen):
    """How one layer trains: its peak learning rate, None where it stays frozen."""

    layer: str
    lr: Quantity | None
    num_params: Count
    num_trainable_params: Count
    """At the end of training."""


class CurvePoint(Frozen):
    """One point of the learning curve, on the first rows of the evaluation set."""

    step: Count
    """Optimizer steps done."""
    seconds: Seconds
    """Training time so far, evaluation excluded."""
    loss: Loss
    accuracy: Share
    num_samples: Positive
    """Rows that the point was evaluated on."""


class Evaluation(Frozen):
    """The trained model on the evaluation set."""

    accuracy: Share
    macro_f1: Share
    loss: Loss
    """Mean cross-entropy, in nats."""
    num_samples: Positive
    majority_accuracy: Share
    """Accuracy of always answering the most frequent class of the evaluation set."""
    correct: str = Field(pattern="^[01]+$")
    """One character per row, "1" where the prediction was right, in the order of the data."""
    seconds: Seconds
    balanced_accuracy: Share | None = None
    """Mean over the classes of the share of their rows that were got right."""
    classes: tuple[str, ...] | None = None
    """The names of the classes, by number."""
    labels: str | None = None
    """The number of each row's class, in the order of the data; `bench.records.row_classes` writes and reads it."""
    predictions: str | None = None
    """Likewise the number of the class that each row was taken for."""

    @model_validator(mode="after")
    def _has_every_row(self) -> Self:
        _agree("correct", len(self.correct), "num_samples", self.num_samples)
        for written in (self.labels, self.predictions):
            if written is not None and not fits(written, self.num_samples, self.classes or ()):
                raise ValueError(f"the classes of {self.num_samples} rows are not written as they should be")
        return self


class Measurement(Frozen):
    """Everything that a finished run measured."""

    num_params: Count
    num_trainable_params: Count
    """The most that trained at once."""
    num_steps: Positive
    """Optimizer steps attempted."""
    num_skipped_steps: Count
    """Steps that the GradScaler skipped because a gradient overflowed."""
    num_samples: Positive
    """Rows trained on, each pass counted."""
    num_tokens: Count
    """Real tokens trained on; padding is not counted."""
    num_padded_tokens: Count
    """Tokens computed, padding included."""
    train_seconds: Elapsed
    """What the strategy costs: cache, compilation and steps, and nothing of loading, evaluation or process start."""
    cache_seconds: Seconds | None = None
    """Of it, running the frozen layers and storing what they answer; None where nothing is stored."""
    cache_bytes: Bytes | None = None
    cache_is_shared: bool | None = None
    """Whether an earlier run had filled the cache: its time is billed, and was not spent again."""
    compile_seconds: Seconds | None = None
    """Of train_seconds, compiling, with the first pass that it takes; None where nothing is compiled."""
    load_seconds: Seconds
    """Reading data and model, building the plan; on a GPU, loading its kernels too."""
    step_seconds: tuple[Elapsed, ...]
    step_tokens: tuple[Count, ...]
    losses: tuple[Loss, ...]
    """Mean training loss of each step, in nats."""
    samples_per_second: Rate
    """The headline: num_samples / train_seconds."""
    steady_samples_per_second: Rate | None
    """After the warm-up steps; None where too few steps remain."""
    steady_tokens_per_second: Rate | None
    num_warmup_steps: Count
    """Steps left out of the steady rates."""
    compute_dtype: str
    """What a matrix product really ran in: "float32", "bfloat16" or "float16"."""
    weights_dtype: str
    memory: Memory
    evaluation: Evaluation
    curve: tuple[CurvePoint, ...]
    curve_seconds: Seconds | None = None
    """Evaluating for the curve while training stood still; not part of train_seconds."""
    layer_rates: tuple[LayerRate, ...]
    num_labels: Count
    model_digest: str | None = None
    """Of the weights, configuration and tokenizer that training began with: "commit:..." on the Hub, or "sha256:..."."""
    initial_loss: Loss | None = None
    """Cross-entropy of the first batch before training, in eval mode and fp32, whatever the strategy; in nats."""
    head: str | None = None
    """Where the head that training began with comes from, "fresh" or "of the checkpoint", and why."""
    num_train_rows: Count
    num_dropped_duplicates: Count
    num_dropped_rows: Count
    """Rows without text or label."""
    truncated_share: Share
    """Share of the training rows longer than the maximal length."""
    data_digest: str
    """Of the token ids, labels and order of rows of both splits."""
    data: DataSummary | None = None
    """How what was read became what was trained and evaluated on."""
    skipped_steps: tuple[Count, ...] | None = None
    """Which steps the GradScaler skipped, counted from 1."""
    phase_steps: tuple[Count, ...] | None = None
    """Steps after which other layers trained than before."""
    step_parts: StepParts | None = None
    work: Work | None = None
    host: HostActivity | None = None
    device: DeviceActivity | None = None
    seen_embeddings: bool | None = None
    """Whether the plan left out gradient and state of unseen embeddings; None in older records, which may have unasked."""
    probe_seconds: Seconds | None = None
    """Spent on measuring after training and evaluation; no part of any other time."""

    @model_validator(mode="after")
    def _has_every_step(self) -> Self:
        for name in ("step_seconds", "step_tokens", "losses"):
            _agree(name, len(getattr(self, name)), "num_steps", self.num_steps)
        return self


class RunRecord(Frozen):
    """One run: what was asked, how it ended, and what was measured."""

    schema_version: int = SCHEMA_VERSION
    spec: RunSpec
    status: Status
    reason: str | None = None
    """Why it did not end well, in one line."""
    phase: Lenient[StageName] | None = None
    """What it was doing when it ended badly."""
    traceback: str | None = None
    measured: Measurement | None = None
    memory: Memory | None = None
    """Peaks so far of a run that did not finish."""
    changes: dict[str, str] = Field(default_factory=dict)
    """How the plan differs from the baseline, in words, by field."""
    flags: tuple[Flag, ...] = ()
    environment: Environment | None = None
    started_at: AwareDatetime
    wall_seconds: Seconds
    """From starting the process to its end."""

    @classmethod
    def from_json(cls, text: str | bytes) -> RunRecord:
        """Read a record back, whatever else a later version has written into it.

        Raises:
            OtherVersion: a record of a schema that this version does not read.
            RecordError: the text is no record, or holds a number that nothing can have measured.

        """
        return read_json(cls, SCHEMA_VERSION, text)

    def to_json(self) -> str:
        """Write the record as indented JSON."""
        return self.model_dump_json(indent=1)


def _agree(name: str, length: int, total: str, expected: int) -> None:
    if length != expected:
        msg = f"{name} has {length} entries, but {total} is {expected}"
        raise ValueError(msg)
