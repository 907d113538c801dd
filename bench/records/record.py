"""The record of one run, as versioned JSON.

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
from bench.records.evaluation import CurvePoint, Evaluation, agree
from bench.records.flags import Flag
from bench.records.forecast import Forecast
from bench.records.lenient import read_json
from bench.records.readings import DeviceActivity, Environment, HostActivity, Memory, RankReadings, StepParts, Work
from bench.records.tuning import Tuning

__all__ = [
    "SCHEMA_VERSION",
    "Environment",
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


class LayerRate(Frozen):
    """How one layer trains: its peak learning rate, None where it stays frozen."""

    layer: str
    lr: Quantity | None
    num_params: Count
    num_trainable_params: Count
    """At the end of training."""


class Measurement(Frozen):
    """Everything that a finished run measured."""

    num_params: Count
    num_trainable_params: Count
    """The largest number that trained at once."""
    num_steps: Positive
    """Optimizer steps attempted."""
    num_skipped_steps: Count
    """Steps that the GradScaler skipped because a gradient overflowed."""
    num_samples: Positive
    """Rows trained on, counted in every epoch."""
    num_tokens: Count
    """Tokens trained on, without padding."""
    num_padded_tokens: Count
    """Tokens computed, with padding."""
    train_seconds: Elapsed
    """What the strategy costs: filling its cache, compilation and steps, without loading, evaluation and process start."""
    cache_seconds: Seconds | None = None
    """Part of train_seconds: computing and storing the outputs of frozen layers; None without an activation cache."""
    cache_bytes: Bytes | None = None
    cache_is_shared: bool | None = None
    """Whether an earlier run filled the cache: its time is counted in cache_seconds, though not spent again."""
    compile_seconds: Seconds | None = None
    """Part of train_seconds: compiling, with the first forward and backward pass; None where nothing is compiled."""
    load_seconds: Seconds
    """Loading data and model and building the plan; on a GPU, loading kernels too."""
    step_seconds: tuple[Elapsed, ...]
    step_tokens: tuple[Count, ...]
    losses: tuple[Loss, ...]
    """Mean training loss of each step, in nats."""
    samples_per_second: Rate
    """The headline throughput: num_samples / train_seconds."""
    steady_samples_per_second: Rate | None
    """Without the warm-up steps; None where too few steps remain."""
    steady_tokens_per_second: Rate | None
    num_warmup_steps: Count
    """Steps left out of the steady rates."""
    compute_dtype: str
    """What matmuls really ran in, by the name of torch's dtype: "float32", "bfloat16", "float16"."""
    weights_dtype: str
    memory: Memory
    evaluation: Evaluation
    curve: tuple[CurvePoint, ...]
    curve_seconds: Seconds | None = None
    """Evaluations for the learning curve; not part of train_seconds."""
    checkpoint_seconds: Seconds | None = None
    """Writing checkpoints of a long run; not part of train_seconds. None where none was due."""
    layer_rates: tuple[LayerRate, ...]
    num_labels: Count
    model_digest: str | None = None
    """Digest of the weights, configuration and tokenizer before training: "commit:..." on the Hub, or "sha256:..."."""
    strategy_code: dict[str, str] | None = None
    """What tells third parties' code from an edited one, by strategy: the digest of its file, or its package and version."""
    initial_loss: Loss | None = None
    """Cross-entropy of the first batch before training, in eval mode and fp32, whatever the strategy; in nats."""
    head: str | None = None
    """Where the head before training comes from, and why, as a sentence: "fresh: ..." or "of the checkpoint: ..."."""
    num_train_rows: Count
    num_dropped_duplicates: Count
    num_dropped_rows: Count
    """Rows without text or label."""
    truncated_share: Share
    """Share of the training rows longer than the maximal length."""
    data_digest: str
    """Digest of the token ids, labels and order of rows of both splits."""
    data: DataSummary | None = None
    """From the rows that were read to those that were trained and evaluated on."""
    skipped_steps: tuple[Count, ...] | None = None
    """Which steps the GradScaler skipped, counted from 1."""
    phase_steps: tuple[Count, ...] | None = None
    """Steps after which other layers trained than before."""
    step_parts: StepParts | None = None
    ranks: RankReadings | None = None
    work: Work | None = None
    host: HostActivity | None = None
    device: DeviceActivity | None = None
    seen_embeddings: bool | None = None
    """Whether the plan left out gradient and state of unseen embeddings; None in older records, where any plan might."""
    deploy_bytes: Bytes | None = None
    """What has to be stored beside the base model; None in older records."""
    probe_seconds: Seconds | None = None
    """Profiling after training and evaluation, and evaluating merged; part of no other time."""

    @model_validator(mode="after")
    def _has_every_step(self) -> Self:
        for name in ("step_seconds", "step_tokens", "losses"):
            agree(name, len(getattr(self, name)), "num_steps", self.num_steps)
        return self


class RunRecord(Frozen):
    """One run: what was asked, how it ended, and what was measured."""

    schema_version: int = SCHEMA_VERSION
    spec: RunSpec
    status: Status
    reason: str | None = None
    """Why it did not end ok, in one line."""
    phase: Lenient[StageName] | None = None
    """What it was doing when it did not end ok."""
    traceback: str | None = None
    measured: Measurement | None = None
    memory: Memory | None = None
    """Peaks of a run that did not finish, until its end."""
    changes: dict[str, str] = Field(default_factory=dict)
    """How the plan differs from full fine-tuning in fp32, in words, by field; by its name what a strategy says of itself."""
    flags: tuple[Flag, ...] = ()
    tuning: Tuning | None = None
    """How the learning rate was found; None where it was not searched for."""
    micro_batch_size: Positive | None = None
    """Most rows of a forward pass; None in older records, and of runs that came to no plan."""
    ways: dict[str, tuple[Elapsed, ...]] | None = Field(default=None, exclude_if=lambda ways: ways is None)
    """Before any run, by way of running the model: seconds that its strategy took in every turn. None where none was timed."""
    forecast: Forecast | None = None
    why_no_forecast: str | None = None
    environment: Environment | None = None
    host: str | None = None
    device: str | None = None
    """What it had to itself on that host: the UUID of a GPU, "cpu", or a slot of the processors such as "cpu slot 1 of 2"."""
    started_at: AwareDatetime
    wall_seconds: Seconds
    """From starting the process to its end."""

    @model_validator(mode="after")
    def _has_every_rank(self) -> Self:
        ranks = self.measured.ranks if self.measured else None
        if ranks and ranks.num != self.spec.num_processes:
            raise ValueError(
                f"measured.ranks has {ranks.num} processes, but spec.num_processes is {self.spec.num_processes}"
            )
        return self

    @classmethod
    def from_json(cls, text: str | bytes) -> RunRecord:
        """Read a record, also of a later version that wrote more into it.

        Raises:
            OtherVersion: a record of a schema that this version does not read.
            RecordError: the text is no record, or holds a number that nothing can have measured.

        """
        return read_json(cls, SCHEMA_VERSION, text)

    def to_json(self) -> str:
        """Write the record as indented JSON."""
        return self.model_dump_json(indent=1)
