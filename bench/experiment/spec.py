"""What one run is asked to do, and the text that says so: `freeze:last=2+amp`.

list := spec ("," spec)*     spec := term ("+" term)*     term := name (":" key "=" value)*
"""

from __future__ import annotations

import re
from typing import Literal

from bench.errors import UsageError
from bench.experiment.bounds import (
    BatchSize,
    Frozen,
    LearningRate,
    MaxGradNorm,
    MaxLength,
    NumEpochs,
    NumPoints,
    NumRows,
    NumSteps,
    Seed,
    WarmupRatio,
    WeightDecay,
)

__all__ = [
    "LATER_FIELDS",
    "HeadChoice",
    "QualityName",
    "RunSpec",
    "Term",
    "WorkloadSpec",
    "format_strategy",
    "parse_strategies",
    "parse_strategy",
]

HeadChoice = Literal["auto", "fresh", "checkpoint"]
"""The checkpoint's head where it fits the data, a fresh one in any case, the checkpoint's or an error."""

QualityName = Literal["accuracy", "macro_f1", "balanced_accuracy"]
"""The scores that a comparison can rank by."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Term(Frozen):
    """One strategy by name, with the options that the user gave, as text."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Write the term as the command line reads it."""
        return ":".join((self.name, *(f"{key}={value}" for key, value in self.options)))


class WorkloadSpec(Frozen):
    """What is trained on what: the model, the data, and which part of the data."""

    model: str = "smollm2-135m"
    """A preset, a local directory, a GGUF file, or a Hub id."""
    head: HeadChoice = "auto"
    dataset: str = "rotten-tomatoes"
    """A preset, a local file or directory of splits, or a Hub id."""
    subset: str | None = None
    """Of a data set that holds several."""
    text_column: str | None = None
    """A column, or two that are read as a pair: "premise,hypothesis"."""
    label_column: str | None = None
    encoding: str | None = None
    """Of text files; None takes UTF-8, or what a byte order mark says."""
    quoting: Literal["none", "standard", "backslash"] | None = None
    """What quotes mean in files of separated values; None finds out, or refuses the file."""
    train_split: str | None = None
    eval_split: str | None = None
    max_length: MaxLength = 256
    """Tokens; longer texts are truncated and counted."""
    train_samples: NumRows | None = 512
    """Rows to train on, drawn with the data seed; None is all."""
    eval_samples: NumRows | None = 256
    """Rows to evaluate on, drawn with the data seed; None is all."""
    data_seed: Seed = 0
    """Seed of the draw of rows and of a split that the data set does not have."""


LATER_FIELDS = ("head", "subset", "encoding", "quoting")
"""Of a workload, since records are written: absent from those of before."""


class RunSpec(Frozen):
    """Everything that decides a run; equal specs are the same experiment."""

    strategy: tuple[Term, ...]
    workload: WorkloadSpec = WorkloadSpec()
    seed: Seed = 0
    """Seed of the head's initialisation, of dropout and of the order of batches."""
    epochs: NumEpochs = 1
    steps: NumSteps | None = None
    """Train exactly so many optimizer steps, whatever `epochs` says; None runs the epochs."""
    batch_size: BatchSize = 16
    """Rows per optimizer step."""
    micro_batch_size: BatchSize | None = None
    """Rows per forward pass; None is the whole batch, fewer accumulate gradients."""
    lr: LearningRate | None = None
    """Overrides the base learning rate of every strategy."""
    warmup_ratio: WarmupRatio = 0.1
    """Share of the steps in which the rate rises from zero; it then falls linearly to zero."""
    weight_decay: WeightDecay = 0.01
    """Of matrices; biases and norms do not decay."""
    max_grad_norm: MaxGradNorm = 1.0
    """Longer gradients are cut to it."""
    evaluations: NumPoints = 3
    """Points of the learning curve, the last at the end of training."""
    device: str = "cpu"
    """"cpu", "cuda" or "cuda:<index>"."""

    @property
    def name(self) -> str:
        """The strategy as the command line writes it."""
        return format_strategy(self.strategy)


def format_strategy(terms: tuple[Term, ...]) -> str:
    """Write a composition of strategies as the command line reads it."""
    return "+".join(map(str, terms))


def canonical(text: str) -> str:
    """Write a composition as records do, in whatever order its options are given.

    Raises:
        UsageError: the text does not follow the grammar.

    """
    return format_strategy(parse_strategy(text))


def parse_strategies(text: str) -> tuple[tuple[Term, ...], ...]:
    """Read a comma-separated list of compositions, in order, each once.

    Raises:
        UsageError: the text does not follow the grammar, or lists one composition twice.

    """
    specs = tuple(parse_strategy(part) for part in text.split(","))
    for position, spec in enumerate(specs):
        if spec in specs[:position]:
            msg = f"--strategies lists {format_strategy(spec)} twice; each composition is one row of the comparison"
            raise UsageError(msg)
    return specs


def parse_strategy(text: str) -> tuple[Term, ...]:
    """Read one composition, such as `freeze:last=2+amp`.

    Raises:
        UsageError: the text does not follow the grammar; the message says where.

    """
    terms = tuple(_parse_term(part.strip(), text) for part in text.split("+"))
    names = [term.name for term in terms]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        msg = f"strategy {text.strip()!r} uses {repeated} twice"
        raise UsageError(msg)
    return terms


def _parse_term(text: str, whole: str) -> Term:
    name, *options = text.split(":")
    if not _NAME.fullmatch(name):
        msg = f"cannot read {name!r} in strategy {whole!r}: a strategy is written name:option=value, joined by +"
        raise UsageError(msg)
    pairs: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not (equals and value and _NAME.fullmatch(key)) or key in pairs:
            problem = "is given twice" if key in pairs else "is not of the form option=value"
            msg = f"{option!r} in strategy {whole!r} {problem}"
            raise UsageError(msg)
        pairs[key] = value
    return Term(name=name, options=tuple(sorted(pairs.items())))
