"""The settings of a comparison: command line over configuration file over `--quick` over defaults."""

from __future__ import annotations

import random
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, field_validator

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.bounds import (
    BatchSize,
    Frozen,
    LearningRate,
    MaxGradNorm,
    MaxLength,
    NumEpochs,
    NumPoints,
    NumRows,
    NumSeeds,
    NumSteps,
    Seed,
    Timeout,
    WarmupRatio,
    WeightDecay,
)
from bench.experiment.spec import (
    HeadChoice,
    QualityName,
    RunSpec,
    WorkloadSpec,
    canonical,
    parse_strategies,
    parse_strategy,
)
from bench.files import read_config
from bench.inert import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.experiment.spec import Term

__all__ = ["QUICK", "WORK", "WORK_SINCE", "Settings"]

_RUN, _WORKLOAD = RunSpec.model_fields, WorkloadSpec.model_fields

WORK = (
    *("strategies", "model", "dataset", "subset", "text_column", "label_column", "encoding", "quoting"),
    *("train_split", "eval_split", "max_length"),
    *("train_samples", "eval_samples", "data_seed", "steps", "batch_size", "micro_batch_size", "lr"),
    *("warmup_ratio", "weight_decay", "max_grad_norm"),
)
"""The settings that say what a gate trains, and on which rows."""
WORK_SINCE = ("subset", "encoding", "quoting", "data_seed", "warmup_ratio", "weight_decay", "max_grad_norm")
"""Of them, those that a baseline names only where they are not at their default: earlier ones name none."""

QUICK: Mapping[str, Any] = {"model": "minilm-l6", "train_samples": 128, "eval_samples": 128, "epochs": 2}
"""What `--quick` sets where nothing else does."""


class Settings(Frozen):
    """What a comparison compares. The names are those of the options and of the configuration file."""

    strategies: str = Field("freeze,full,amp", description="Compositions to compare: name:option=value, joined by +.")
    model: str = Field(_WORKLOAD["model"].default, description="Preset, local directory, GGUF file or Hub id.")
    head: HeadChoice = Field(
        "auto",
        description="auto takes the checkpoint's head where its classes are the data's; fresh and checkpoint force.",
    )
    dataset: str = Field(_WORKLOAD["dataset"].default, description="Preset, local file or directory, or Hub id.")
    subset: str | None = Field(None, description="Which of several data sets in one folder or Hub id.")
    text_column: str | None = Field(None, description="Column of the texts, or two as a pair: premise,hypothesis.")
    label_column: str | None = Field(None, description="Column of the labels, where its name does not tell.")
    encoding: str | None = Field(None, description="Of text files; default: UTF-8, or as a byte order mark says.")
    quoting: Literal["none", "standard", "backslash"] | None = Field(
        None, description="What quotes mean in CSV and TSV; default: found out, or asked for."
    )
    train_split: str | None = Field(None, description="Split to train on.")
    eval_split: str | None = Field(None, description="Split to evaluate on; without one, a fifth is split off.")
    max_length: MaxLength = Field(_WORKLOAD["max_length"].default, description="Tokens per text; longer is truncated.")
    train_samples: NumRows | None = Field(_WORKLOAD["train_samples"].default, description="Rows to train on, or all.")
    eval_samples: NumRows | None = Field(_WORKLOAD["eval_samples"].default, description="Rows to evaluate on, or all.")
    data_seed: Seed = Field(
        _WORKLOAD["data_seed"].default, description="Seed of the draw of rows, and of a split that the data lack."
    )
    seeds: NumSeeds = Field(1, description="Repetitions, each with another seed.")
    epochs: NumEpochs = Field(_RUN["epochs"].default, description="Passes over the training rows.")
    steps: NumSteps | None = Field(None, description="Exactly so many optimizer steps, whatever --epochs says.")
    batch_size: BatchSize = Field(_RUN["batch_size"].default, description="Rows per optimizer step.")
    micro_batch_size: BatchSize | None = Field(None, description="Rows per forward pass; fewer accumulate gradients.")
    lr: LearningRate | None = Field(None, description="Base learning rate of every strategy; default: by what trains.")
    warmup_ratio: WarmupRatio = Field(
        _RUN["warmup_ratio"].default, description="Share of the steps in which the learning rate rises."
    )
    weight_decay: WeightDecay = Field(
        _RUN["weight_decay"].default, description="Of the optimizer; biases and norms do not decay."
    )
    max_grad_norm: MaxGradNorm = Field(
        _RUN["max_grad_norm"].default, description="Norm that longer gradients are cut to."
    )
    evaluations: NumPoints = Field(_RUN["evaluations"].default, description="Points of the learning curve.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:INDEX.")
    reference: str | None = Field(
        None, description="Strategy that others are compared with; default: full, or the first."
    )
    quality: QualityName = Field("accuracy", description="Score to rank by: accuracy, macro_f1 or balanced_accuracy.")
    timeout: Timeout | None = Field(None, description="Seconds after which a run is ended.")
    allow_mismatch: bool = Field(default=False, description="Compare runs that differ in more than strategy; warns.")
    rank_suspect: bool = Field(default=False, description="Rank rows whose numbers are in doubt as well.")
    save_model: bool = Field(default=False, description="Keep each run's trained weights.")

    @field_validator("train_samples", "eval_samples", mode="before")
    @classmethod
    def _all_rows(cls, value: object) -> object:
        return None if value == "all" else value

    @field_validator("strategies", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Take a list of TOML for what it is."""
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return ",".join(value) if is_list and isinstance(value, list) else value

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            msg = "give auto, cpu, cuda or cuda:INDEX"
            raise ValueError(msg)
        return value

    @field_validator("reference")
    @classmethod
    def _as_records_write_it(cls, value: str | None) -> str | None:
        return None if value is None else canonical(value)

    @classmethod
    def gather(
        cls,
        given: Mapping[str, Any],
        *,
        config: Path | None = None,
        quick: bool = False,
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> Settings:
        """Merge the options that were given with what the file, `--quick` and a command's own `defaults` say.

        Raises:
            UsageError: a name or a value that is not valid; the message says where it stands.

        """
        written = {} if config is None else _read_config(config)
        try:
            return cls.model_validate({**defaults, **(QUICK if quick else {}), **written, **given})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            where = f"--{name.replace('_', '-')}" if name in given or config is None else f"{name} in {config}"
            said = first["msg"].removeprefix("Value error, ")
            msg = f"{where}: {said[0].lower()}{said[1:]}, not {shown(first['input'])}"
            raise UsageError(msg) from error

    def matrix(self, device: str) -> tuple[RunSpec, ...]:
        """List the runs: seeds outermost, and the strategies in another order for each, so that drift hits all alike.

        Raises:
            UnknownName: a strategy, or an option of one, that does not exist.
            UsageError: the list of strategies, or the reference, is not valid.

        """
        compositions = parse_strategies(self.strategies)
        for terms in compositions:
            registry.check(terms)
        if self.reference is not None and parse_strategy(self.reference) not in compositions:
            kind = "reference"
            raise UnknownName(kind, self.reference, (part.strip() for part in self.strategies.split(",")))
        return tuple(
            self.spec(terms, seed, device)
            for seed in range(self.seeds)
            for terms in random.Random(seed).sample(compositions, len(compositions))  # noqa: S311  (no secret)
        )

    def spec(self, terms: tuple[Term, ...], seed: int, device: str) -> RunSpec:
        """Ask for one run."""
        workload = WorkloadSpec.model_validate(self.model_dump(include=set(_WORKLOAD)))
        shared = self.model_dump(include=set(_RUN) - {"strategy", "workload", "device"})
        return RunSpec(strategy=terms, workload=workload, seed=seed, device=device, **shared)


def _read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file; its names may be written with - or _."""
    read = read_config(path)
    if not isinstance(read.pop("gate", {}), dict):
        msg = f"gate in {path}: it is the table of a gate's margins; the rules of a comparison are named by --gate"
        raise UsageError(msg)
    written = {name.replace("-", "_"): value for name, value in read.items()}
    for name in written:
        if name not in Settings.model_fields:
            kind = f"setting in {path}"
            raise UnknownName(kind, name, Settings.model_fields)
    return written
