"""What one run left behind, as versioned JSON.

None means "not measured here", never zero. Bytes and seconds inside; GiB and ms only in print.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import OtherVersion, RecordError
from bench.readings import DeviceActivity, HostActivity, Memory, StepParts, Work
from bench.spec import RunSpec

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
    "Status",
]

SCHEMA_VERSION = 1

Status = Literal["ok", "oom", "diverged", "failed", "timeout", "killed", "interrupted", "skipped"]


class _Part(BaseModel):
    """A frozen part of a record. NaN and infinity are refused, so that every file is plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Flag(_Part):
    """A doubt about a number, found by a check: a short code, and the sentence for the report."""

    code: str
    message: str


class LayerRate(_Part):
    """How one layer trains: its peak learning rate, None where it stays frozen."""

    layer: str
    lr: float | None
    num_params: int
    num_trainable_params: int
    """At the end of training."""


class CurvePoint(_Part):
    """One point of the learning curve, on the first rows of the evaluation set."""

    step: int
    """Optimizer steps done."""
    seconds: float
    """Training time so far, evaluation excluded."""
    loss: float
    accuracy: float
    num_samples: int
    """Rows that the point was evaluated on."""


class Evaluation(_Part):
    """The trained model on the evaluation set."""

    accuracy: float
    macro_f1: float
    loss: float
    """Mean cross-entropy, in nats."""
    num_samples: int
    majority_accuracy: float
    """Accuracy of always answering the most frequent class of the evaluation set."""
    correct: str
    """One character per row, "1" where the prediction was right, in the order of the data."""
    seconds: float


class Measurement(_Part):
    """Everything that a finished run measured."""

    num_params: int
    num_trainable_params: int
    """The most that trained at once."""
    num_steps: int
    """Optimizer steps attempted."""
    num_skipped_steps: int
    """Steps that the GradScaler skipped because a gradient overflowed."""
    num_samples: int
    """Rows trained on, each pass counted."""
    num_tokens: int
    """Real tokens trained on; padding is not counted."""
    num_padded_tokens: int
    """Tokens computed, padding included."""
    train_seconds: float
    """What the strategy costs: cache, compilation and steps, and nothing of loading, evaluation or process start."""
    cache_seconds: float | None = None
    """Of it, running the frozen layers and storing what they answer; None where nothing is stored."""
    cache_bytes: int | None = None
    cache_is_shared: bool | None = None
    """Whether an earlier run had filled the cache: its time is billed, and was not spent again."""
    compile_seconds: float | None = None
    """Of train_seconds, compiling, with the first pass that it takes; None where nothing is compiled."""
    load_seconds: float
    """Reading data and model, building the plan; on a GPU, loading its kernels too."""
    step_seconds: tuple[float, ...]
    step_tokens: tuple[int, ...]
    losses: tuple[float, ...]
    """Mean training loss of each step, in nats."""
    samples_per_second: float
    """The headline: num_samples / train_seconds."""
    steady_samples_per_second: float | None
    """After the warm-up steps; None where too few steps remain."""
    steady_tokens_per_second: float | None
    num_warmup_steps: int
    """Steps left out of the steady rates."""
    compute_dtype: str
    """What a matrix product really ran in: "float32", "bfloat16" or "float16"."""
    weights_dtype: str
    memory: Memory
    evaluation: Evaluation
    curve: tuple[CurvePoint, ...]
    curve_seconds: float | None = None
    """Evaluating for the curve while training stood still; not part of train_seconds."""
    layer_rates: tuple[LayerRate, ...]
    num_labels: int
    num_train_rows: int
    num_dropped_duplicates: int
    num_dropped_rows: int
    """Rows without text or label."""
    truncated_share: float
    """Share of the training rows longer than the maximal length."""
    data_digest: str
    """Of the token ids, labels and order of rows of both splits."""
    skipped_steps: tuple[int, ...] | None = None
    """Which steps the GradScaler skipped, counted from 1."""
    phase_steps: tuple[int, ...] | None = None
    """Steps after which other layers trained than before."""
    step_parts: StepParts | None = None
    work: Work | None = None
    host: HostActivity | None = None
    device: DeviceActivity | None = None
    probe_seconds: float | None = None
    """Spent on measuring after training and evaluation; no part of any other time."""


class Environment(_Part):
    """Where the run took place."""

    host_cpu: str
    num_cores: int
    num_threads: int
    host_memory_bytes: int
    platform: str
    python: str
    versions: dict[str, str]
    device_name: str
    device_memory_bytes: int | None = None
    driver: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    assets: dict[str, str] = {}
    """SHA-256 of the packaged models and data used, by name."""
    settings: dict[str, str] | None = None
    """Of torch, that decide how it computes: threads, precision of matrix products, kernels."""
    config_hash: str | None = None
    """SHA-256 of all that was asked of the run, seed and strategy included."""


class _Versioned(BaseModel):
    """What a record of any version has, whatever else it holds."""

    schema_version: int = SCHEMA_VERSION


class RunRecord(_Part):
    """One run: what was asked, how it ended, and what was measured."""

    schema_version: int = SCHEMA_VERSION
    spec: RunSpec
    status: Status
    reason: str | None = None
    """Why it did not end well, in one line."""
    phase: str | None = None
    """What it was doing when it ended badly: "load", "train", "evaluate"."""
    traceback: str | None = None
    measured: Measurement | None = None
    memory: Memory | None = None
    """Peaks so far of a run that did not finish."""
    changes: dict[str, str] = {}
    """How the plan differs from the baseline, in words, by field."""
    flags: tuple[Flag, ...] = ()
    environment: Environment | None = None
    started_at: datetime
    wall_seconds: float
    """From starting the process to its end."""

    @classmethod
    def from_json(cls, text: str | bytes) -> RunRecord:
        """Read a record back.

        Raises:
            OtherVersion: a record of a schema that this version does not read.
            RecordError: the text is no record.

        """
        try:
            written = _Versioned.model_validate_json(text).schema_version
            if written == SCHEMA_VERSION:
                return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            msg = f"not a record of schema {SCHEMA_VERSION}: {where}: {first['msg']}"
            raise RecordError(msg) from error
        msg = (
            f"a record of schema version {written}, but this bench reads version {SCHEMA_VERSION}; "
            "read it with the version of bench that wrote it"
        )
        raise OtherVersion(msg)

    def to_json(self) -> str:
        """Write the record as indented JSON."""
        return self.model_dump_json(indent=1)
