"""The numbers that a request or a record may hold, and the model that refuses all others.

A limit is beyond what any real use or instrument comes to, and low enough that no later step overflows or waits for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, WrapValidator

if TYPE_CHECKING:
    from pydantic import ValidationInfo, ValidatorFunctionWrapHandler

__all__ = [
    "LENIENT",
    "MAX_RUNS",
    "BatchSize",
    "Bytes",
    "Count",
    "Elapsed",
    "Frozen",
    "LearningRate",
    "Lenient",
    "Loss",
    "MaxGradNorm",
    "MaxLength",
    "NumAtOnce",
    "NumEpochs",
    "NumPoints",
    "NumProcesses",
    "NumRows",
    "NumSeeds",
    "NumSteps",
    "Positive",
    "Quantity",
    "Rate",
    "Seconds",
    "Seed",
    "Share",
    "Timeout",
    "WarmupRatio",
    "WeightDecay",
]

MAX_INTEGER = 2**63 - 1
"""The most that a column of integers, and a seed of torch, can hold."""
MAX_STEPS = 10_000_000
MAX_SEEDS = 10_000
MAX_RUNS = 50_000


class Frozen(BaseModel):
    """A frozen value that refuses unknown fields; NaN and infinity are refused too, so that its JSON is plain."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


LENIENT = {"unknown words": "keep"}
"""The context of pydantic in which a record is read."""


def _keep_unknown(value: object, known: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return known(value)
    except ValidationError:
        if info.context is LENIENT and isinstance(value, str):
            return value
        raise


Word = TypeVar("Word", bound=str)
Lenient = Annotated[Word, WrapValidator(_keep_unknown), PlainSerializer(str)]
"""One of the words of a Literal; in the record of another version, any: it stays as that wrote it."""

# Of records.
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Bytes = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
"""Up to 30,000 years."""
Elapsed = Annotated[float, Field(ge=1e-9, le=1e12)]
"""Of what is timed alone: no clock tells less than a nanosecond."""
Rate = Annotated[float, Field(ge=1e-12, le=1e30)]
"""Of what was done in a time."""
Quantity = Annotated[float, Field(ge=0, le=1e30)]
"""A power, a number of FLOPs, whatever else is never negative."""
Loss = Annotated[float, Field(ge=0, le=1e39)]
"""A mean cross-entropy; no fp32 number is larger."""

# Of requests.
Seed = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
NumAtOnce = Annotated[int, Field(ge=1, le=1000)]
NumSeeds = Annotated[int, Field(ge=1, le=MAX_SEEDS)]
NumEpochs = Annotated[int, Field(ge=1, le=1_000_000)]
NumProcesses = Annotated[int, Field(ge=1, le=4096)]
NumSteps = Annotated[int, Field(ge=1, le=MAX_STEPS)]
NumRows = Annotated[int, Field(ge=1, le=10**12)]
NumPoints = Annotated[int, Field(ge=1, le=10_000)]
BatchSize = Annotated[int, Field(ge=1, le=2**20)]
MaxLength = Annotated[int, Field(ge=2, le=2**24)]
LearningRate = Annotated[float, Field(gt=0, le=1e30)]
"""One that is too high ends as a diverged run."""
WarmupRatio = Annotated[float, Field(ge=0, lt=1)]
WeightDecay = Annotated[float, Field(ge=0, le=1e4)]
MaxGradNorm = Annotated[float, Field(gt=0, le=1e12)]
"""A large one clips nothing."""
Timeout = Annotated[float, Field(gt=0, le=1e9)]
"""In seconds, up to 30 years."""
