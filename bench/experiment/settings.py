"""The settings of a comparison: command line over configuration file over `--quick` over defaults."""

from __future__ import annotations

import re
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, field_validator

from bench.errors import UnknownName, UsageError
from bench.experiment.bounds import BatchSize, NumAtOnce, NumProcesses, NumRows, NumSeeds, Timeout
from bench.experiment.budget import BUDGET, Budget, Maximize, check_bound
from bench.experiment.groups import expand, read_groups
from bench.experiment.spec import QualityName, TrainingSpec, WorkloadSpec, canonical
from bench.experiment.tables import read_tables, with_tables
from bench.experiment.tuning import RateSearch
from bench.files import read_toml
from bench.inert import shown
from bench.plan.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import ValidationInfo

__all__ = ["FIT", "OPTIONS", "QUICK", "SHORTER", "WORK", "WORK_SINCE", "Settings"]

WORK = (
    "strategies",
    *(name for name in WorkloadSpec.model_fields if name != "head"),
    *(name for name in TrainingSpec.model_fields if name not in {"epochs", "evaluations"}),
)
"""The settings that say what a gate trains, and on which rows."""
WORK_SINCE = ("subset", "encoding", "quoting", "data_seed", "warmup_ratio", "weight_decay", "max_grad_norm", "way")
"""Of them, those that a baseline names only where they are not at their default: earlier ones name none."""

FIT: Literal["fit"] = "fit"
"""In the place of a micro-batch: that of each strategy is the largest that fits the device, by its forecast."""
OnOom = Literal["fail", "halve"]
"""What becomes of a strategy of which a run ran out of memory."""

SHORTER = {"num_processes": "nproc"}  # names of options that are not those of their settings

_NAMING = ("strategies", "reference")
"""The settings in which the options of strategies stand."""

_TABLES = ("options", "groups")
"""What else a configuration file may hold: tables that the settings name."""

QUICK: Mapping[str, Any] = {"model": "minilm-l6", "train_samples": 128, "eval_samples": 128, "epochs": 2}
"""What `--quick` sets where nothing else does."""


class Settings(TrainingSpec, WorkloadSpec):
    """What a comparison compares. The names are those of the options and of the configuration file."""

    strategies: str = Field(
        default="freeze,full,amp",
        description="Compositions to compare: name:option=value, joined by +; or groups: @article.",
    )
    micro_batch_size: BatchSize | Literal["fit"] | None = Field(  # type: ignore[assignment]  # a run has a number
        default=None,
        description="Rows per forward pass; fewer accumulate gradients. fit: for each strategy the most that fit.",
    )
    seeds: NumSeeds = Field(default=1, description="Repetitions, each with another seed.")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:INDEX.")
    num_processes: NumProcesses | None = Field(
        default=None, description="Processes that share each run, with a GPU each, or the CPU; default: one."
    )
    parallel: Sharing | None = Field(
        default=None, description="How, where no strategy says so: replicate (default), shard or shard-offload."
    )
    reference: str | None = Field(
        default=None, description="Strategy that others are compared with; default: full, or the first."
    )
    quality: QualityName = Field(
        default="accuracy", description="Score to rank by: accuracy, macro_f1 or balanced_accuracy."
    )
    tune: str | None = Field(
        default=None,
        description="Search a learning rate for each strategy first, on rows held out of those to train on: lr or lr:trials=8; none.",
    )
    executor: str = Field(default="local", description="What carries out the runs: local, ray or slurm.")
    concurrent: NumAtOnce | None = Field(
        default=None,
        description="Runs at a time; several on a CPU are not timed. [default: one for each GPU, or machine]",
    )
    address: str | None = Field(
        default=None, description="Of a Ray cluster; or, for --executor slurm, local to try it out."
    )
    accelerator: str | None = Field(default=None, description="GPU that all runs get on a cluster, by its name there.")
    partition: str | None = Field(default=None, description="Of SLURM.")
    sbatch: str | None = Field(default=None, description="More options of sbatch: account=lab,cpus-per-task=8,time=60.")
    array: bool = Field(default=False, description="Submit all runs as one job array of SLURM.")
    timeout: Timeout | None = Field(default=None, description="Seconds after which a run is ended.")
    max_memory: str | None = Field(
        default=None, description="Resident memory beyond which a run is ended as out of memory, such as 20GiB."
    )
    on_oom: OnOom = Field(
        default="fail",
        description="After running out of memory: fail, as the row says; or halve, all seeds again at half the micro-batch.",
    )
    allow_mismatch: bool = Field(default=False, description="Compare runs that differ in more than strategy; warns.")
    rank_suspect: bool = Field(default=False, description="Rank rows whose numbers are in doubt as well.")
    save_model: bool = Field(default=False, description="Keep each run's trained weights.")
    forecast: bool = Field(
        default=True, description="Forecast memory and time of each strategy, and skip one that cannot fit."
    )
    force: bool = Field(default=False, description="Run also what does not fit by its forecast.")
    memory: str | None = Field(
        default=None, description="Recommend a strategy that fits this memory at its peak, such as 16GiB."
    )
    max_time: str | None = Field(default=None, description="And that trains within this time, such as 2h or 90min.")
    min_accuracy: str | None = Field(
        default=None, description="And that reaches this accuracy (or --quality), such as 0.85."
    )
    maximize: Maximize | None = Field(
        default=None, description="And is best in accuracy, throughput or time-to-accuracy; default: accuracy."
    )
    samples: NumRows | None = Field(
        default=None, description="Rows that --max-time is for, every epoch counted; default: as many as are measured."
    )
    risk: str | None = Field(
        default=None, description="How often a strategy that is shown to fit may not fit; default: 5%."
    )

    @field_validator("train_samples", "eval_samples", mode="before")
    @classmethod
    def _all_rows(cls, value: object) -> object:
        return None if value == "all" else value

    @field_validator("micro_batch_size", mode="before")
    @classmethod
    def _rows_or_fit(cls, value: object) -> object:
        if isinstance(value, str) and value != FIT and not value.removeprefix("-").isdecimal():
            raise ValueError(f"give a number of rows, or {FIT}")
        return value

    @field_validator("strategies", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Take a list of TOML for what it is."""
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return ",".join(value) if is_list and isinstance(value, list) else value

    @field_validator("max_memory", "memory", "max_time", "min_accuracy", "risk", mode="before")
    @classmethod
    def _known_amount(cls, value: object, info: ValidationInfo) -> object:
        if value is None:
            return None
        check_bound(str(info.field_name), value)
        return str(value)

    @property
    def max_memory_bytes(self) -> float | None:
        """The most that a run's process may hold."""
        return None if self.max_memory is None else check_bound("max_memory", self.max_memory)

    @field_validator("tune")
    @classmethod
    def _known_search(cls, value: str | None) -> str | None:
        if value in (None, "", "none"):  # what a file asks for may be called off
            return None
        RateSearch.parse(str(value))
        return value

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            raise ValueError("give auto, cpu, cuda or cuda:INDEX")
        return value

    @field_validator("reference")
    @classmethod
    def _as_records_write_it(cls, value: str | None) -> str | None:
        return None if value is None else canonical(value)

    @property
    def budget(self) -> Budget | None:
        """What a strategy is to be recommended for; None where nothing of it was given."""
        return Budget.of({name: getattr(self, name) for name in BUDGET})

    @property
    def in_whole_batches(self) -> Settings:
        """These settings with every batch in one forward pass: before the largest micro-batches are known."""
        return self.model_copy(update={"micro_batch_size": None})

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
        written = {} if config is None else _read_settings(config)
        options, groups = written.pop("options", {}), written.pop("groups", {})
        merged = {**defaults, **(QUICK if quick else {}), **written, **given}
        try:
            settings = cls.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            option = f"--{SHORTER.get(name, name)}".replace("_", "-")
            where = option if name in given or config is None else f"{name} in {config}"
            said = first["msg"].removeprefix("Value error, ")
            known = re.findall(r"'([^']*)'", said) if first["type"] == "literal_error" else ()
            nearest = get_close_matches(str(first["input"]), known, n=1)
            guess = f". Did you mean {nearest[0]}?" if nearest else ""
            raise UsageError(f"{where}: {said[0].lower()}{said[1:]}, not {shown(first['input'])}{guess}") from error
        _ = settings.budget  # what does not go together is told before any work
        own = {} if config is None else read_groups(groups, config)
        if (strategies := expand(settings.strategies, own)) != settings.strategies:
            settings = settings.model_copy(update={"strategies": strategies})
        if config is None or not (tables := read_tables(options, config)):
            return settings
        named = {name: with_tables(text, tables, config) for name in _NAMING if (text := getattr(settings, name))}
        return settings.model_copy(update=named)


def _read_settings(path: Path) -> dict[str, Any]:
    """Read a configuration file; its names may be written with - or _."""
    read = read_toml(path)
    if not isinstance(read.pop("gate", {}), dict):
        msg = f"gate in {path}: it is the table of a gate's margins; the rules of a comparison are named by --gate"
        raise UsageError(msg)
    written = {name.replace("-", "_"): value for name, value in read.items()}
    for name in written:
        if name not in (known := (*Settings.model_fields, *_TABLES)):
            raise UnknownName(f"setting in {path}", name, known)
    return written


OPTIONS = tuple(
    dict.fromkeys(
        ("strategies", *WorkloadSpec.model_fields, "seeds", *TrainingSpec.model_fields, *Settings.model_fields)
    )
)
"""The settings in the order of `--help`."""
