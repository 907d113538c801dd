"""What a run's process tells its parent, as JSON over a pipe. Nothing is pickled.

A run sends `Stage` whenever it turns to something else, `Planned` once the plan is known,
one that only prepares `DataRead`,
`Progress` while it trains (a dry run `Tried`), one that was asked for a forecast `Forecasted`, one for the largest
micro-batch `Fitted`, and ends with one `Finished` or `Failed`. A process that ends without either was killed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from bench.experiment.bounds import Frozen
from bench.experiment.spec import RunSpec
from bench.experiment.ways import Way
from bench.records.data_summary import DataSummary
from bench.records.forecast import Forecast
from bench.records.record import Environment, Flag, Measurement, Memory, StageName

__all__ = [
    "VERSION",
    "DataRead",
    "Failed",
    "Finished",
    "Fitted",
    "Followed",
    "Forecasted",
    "Message",
    "Planned",
    "Progress",
    "Request",
    "Said",
    "Saved",
    "Stage",
    "Tried",
    "read_message",
]

VERSION = 1
"""Of requests and messages, for a parent of another age: more where it would misread them."""


class _Message(Frozen):
    model_config = ConfigDict(allow_inf_nan=True, ser_json_inf_nan="strings")


class Request(_Message):
    """What the parent asks of a run's process."""

    spec: RunSpec
    mode: Literal["run", "dry", "prepare", "fit"] = "run"
    """"dry" trains one step on the longest batch; "prepare" only fetches, converts and tokenises; "fit" forecasts."""
    save_model: str | None = None
    """Directory that receives the trained weights."""
    shelf: str | None = None
    """Directory in which the runs of a comparison share the output of their frozen layers."""
    validation: bool = False
    """Evaluate on rows held out of those to train on, which leaves the evaluation rows for what is measured later."""
    gpu_uuid: str | None = None
    """The leased GPU; the process sees no other."""
    forecast: bool = False
    """Tell what the run takes before its weights are read, and read none where that does not fit its device."""
    force: bool = False
    """Read them all the same."""
    way_is_forced: bool = False
    """Whether no other way than that of the run will do: what cannot be run in it is skipped."""
    ways: tuple[Way, ...] = ()
    """To be timed after the step of a dry run."""
    rank: int = 0
    """Which of the processes of the run this one is."""
    meeting: str | None = None
    """URL at which they meet; None where there is one process."""
    checkpoint: str | None = None
    """File that a long run goes on from, if it is there, and writes from time to time; several ranks have theirs beside it. None writes none."""


class Stage(_Message):
    """The run turns to something else."""

    kind: Literal["phase"] = "phase"
    name: StageName
    at: float
    """`time.monotonic()`, the same clock in parent and child on one machine."""
    detail: str = ""


class DataRead(_Message):
    """The data is read and tokenised: how it became what runs train and evaluate on."""

    kind: Literal["data_read"] = "data_read"
    data: DataSummary
    way: Way | None = None
    """In which the model is run with the least work on a CPU; None on a GPU, where it is timed."""


class Forecasted(_Message):
    """What the run is expected to take, before its weights are read; sent where it was asked for."""

    kind: Literal["forecasted"] = "forecasted"
    forecast: Forecast | None = None
    why_none: str | None = None
    """Why there is no forecast, in words."""
    does_not_fit: str | None = None
    """That even the least of it is more than the device has, in words; None where it may fit."""


class Planned(_Message):
    """The plan is composed: how it differs from the baseline, and how many steps it takes."""

    kind: Literal["planned"] = "planned"
    changes: dict[str, str]
    num_steps: int
    num_params: int
    num_trainable_params: int
    micro_batch_size: int | None = None
    """Most rows of a forward pass."""
    cache_bytes: int | None = None
    """Size of the output of the frozen layers, once it is stored."""


class Progress(_Message):
    """One optimizer step is done, or one part of a download or conversion."""

    kind: Literal["progress"] = "progress"
    done: int
    total: int
    unit: Literal["steps", "bytes", "rows"] = "steps"
    loss: float | None = None
    samples_per_second: float | None = None


class Said(_Message):
    """A sentence for who watches."""

    kind: Literal["said"] = "said"
    text: str


class Tried(_Message):
    """The step of a dry run, and the work that a whole run would be."""

    kind: Literal["tried"] = "tried"
    step_seconds: float
    step_tokens: int
    train_tokens: int
    """Of all steps."""
    eval_tokens: int
    """Of the evaluation at the end."""
    cache_seconds: float | None = None
    """To store the output of the frozen layers for the rows of the step."""
    cache_tokens: int = 0
    """Of all rows that would be stored."""
    peak_bytes: int | None
    ways: dict[Way, tuple[float, ...]] = Field(default_factory=dict)
    """Of each way that was to be timed and in which the model runs: seconds in every turn."""


class Fitted(_Message):
    """The largest micro-batch that fits the device for certain, by forecast: at most what a process has of a batch."""

    kind: Literal["fitted"] = "fitted"
    num_rows: int
    """0 where not even one row fits."""
    batch_size: int
    """Of several processes the rows of one."""
    num_processes: int = 1
    peak_bytes: tuple[int, int]
    """Forecast with so many rows, or with one: at least and at most."""
    memory_bytes: int
    """That could be filled."""


class Finished(_Message):
    """The run ended well. A dry run measures one step; "prepare" measures nothing."""

    kind: Literal["finished"] = "finished"
    measured: Measurement | None = None
    flags: tuple[Flag, ...] = ()
    environment: Environment | None = None


class Saved(_Message):
    """The trained weights are where they were asked for; it comes after the numbers, which saving cannot cost any more."""

    kind: Literal["saved"] = "saved"


class Followed(_Message):
    """A rank other than 0 has done its part of the training."""

    kind: Literal["followed"] = "followed"
    memory: Memory
    """Peaks of this rank."""


class Failed(_Message):
    """The run ended badly, and its process could still say why. After `Finished`: its weights are not kept."""

    kind: Literal["failed"] = "failed"
    status: Literal["oom", "diverged", "failed", "skipped", "interrupted"]
    reason: str
    usage: bool = False
    """The request itself was wrong: the parent ends with exit code 2."""
    traceback: str | None = None
    memory: Memory | None = None
    """Peaks so far."""
    lost_a_peer: bool = False
    """It failed since another rank did not answer any more, which may say why."""


Message = Annotated[
    Stage | DataRead | Forecasted | Planned | Progress | Said | Tried | Fitted | Finished | Followed | Saved | Failed,
    Field(discriminator="kind"),
]

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message)


def read_message(text: str | bytes) -> Message:
    """Read one message back from its JSON."""
    return _ADAPTER.validate_json(text)
