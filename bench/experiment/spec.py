"""What one run is asked to do, and the text that says so: `freeze:last=2+amp`.

list := spec ("," spec)*     spec := term ("+" term)*     term := name (":" key "=" value)*     name := NAME | FILE.py ":" CLASS

In a list that a user gives, "@" NAME may stand for several specs, which `bench.experiment.groups` puts in its place.
`bench.plan.option_text` says what a value is. The option `lr` is no strategy's own: it is the base rate of a composition,
which may be given at any term and is written at the first.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bench.errors import UsageError
from bench.experiment.bounds import (
    BatchSize,
    Frozen,
    LearningRate,
    Lenient,
    MaxGradNorm,
    MaxLength,
    NumEpochs,
    NumPoints,
    NumProcesses,
    NumRows,
    NumSteps,
    Seed,
    WarmupRatio,
    WeightDecay,
)
from bench.experiment.choices import HeadChoice, Quoting
from bench.experiment.ways import AskedWay
from bench.plan.option_text import normalise, read, write
from bench.plan.sharing import Sharing

__all__ = [
    "LR",
    "QualityName",
    "RunSpec",
    "Term",
    "TrainingSpec",
    "WorkloadSpec",
    "canonical",
    "format_strategy",
    "parse_strategies",
    "parse_strategy",
    "with_lr",
]

QualityName = Literal["accuracy", "macro_f1", "balanced_accuracy"]
"""The scores that a comparison can rank by."""

LR = "lr"
"""The option that may stand once in a composition, at any of its terms, and sets the base rate of the whole."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Term(Frozen):
    """One strategy by name, with the options that the user gave, as text."""

    name: str
    """Of a file of `strategies/` or of an entry point; or `./mine.py:Topmost`, a class in a file."""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Write the term as the command line reads it."""
        return ":".join((self.name, *(f"{key}={value}" for key, value in self.options)))


class WorkloadSpec(Frozen):
    """What is trained on what: the model, the data, and which part of the data. A description is the help of its option."""

    model: str = Field(default="smollm2-135m", description="Preset, local directory, GGUF file or Hub id.")
    head: Lenient[HeadChoice] = Field(
        default="auto",
        description="auto takes the checkpoint's head where its classes are the data's; fresh and checkpoint force.",
    )
    dataset: str = Field(default="rotten-tomatoes", description="Preset, local file or directory, or Hub id.")
    subset: str | None = Field(default=None, description="Which of several data sets in one folder or Hub id.")
    text_column: str | None = Field(
        default=None, description="Column of the texts, or two as a pair: premise,hypothesis."
    )
    label_column: str | None = Field(default=None, description="Column of the labels, where its name does not tell.")
    encoding: str | None = Field(
        default=None, description="Of text files; default: UTF-8, or as a byte order mark says."
    )
    quoting: Lenient[Quoting] | None = Field(
        default=None, description="What quotes mean in CSV and TSV; default: found out, or asked for."
    )
    train_split: str | None = Field(default=None, description="Split to train on.")
    eval_split: str | None = Field(default=None, description="Split to evaluate on; without one, a fifth is split off.")
    max_length: MaxLength = Field(default=256, description="Tokens per text; longer is truncated.")
    train_samples: NumRows | None = Field(default=512, description="Rows to train on, or all.")
    eval_samples: NumRows | None = Field(default=256, description="Rows to evaluate on, or all.")
    data_seed: Seed = Field(default=0, description="Seed of the draw of rows, and of a split that the data lack.")


class TrainingSpec(Frozen):
    """How every strategy of a comparison trains. A description is the help of its option."""

    epochs: NumEpochs = Field(default=1, description="Passes over the training rows.")
    steps: NumSteps | None = Field(default=None, description="Exactly so many optimizer steps, whatever --epochs says.")
    batch_size: BatchSize = Field(default=16, description="Rows per optimizer step.")
    micro_batch_size: BatchSize | None = Field(default=None, description="Rows per forward pass.")
    lr: LearningRate | None = Field(
        default=None, description="Base learning rate of every strategy; default: by what trains."
    )
    warmup_ratio: WarmupRatio = Field(default=0.1, description="Share of the steps in which the learning rate rises.")
    weight_decay: WeightDecay = Field(default=0.01, description="Of the optimizer; biases and norms do not decay.")
    max_grad_norm: MaxGradNorm = Field(default=1.0, description="Norm that longer gradients are cut to.")
    evaluations: NumPoints = Field(default=3, description="Points of the learning curve.")
    way: AskedWay = Field(default=None, description="How rows of unlike length are run; default: by counts or times.")


def with_lr(terms: tuple[Term, ...], lr: float) -> tuple[Term, ...]:
    """Set the base rate of a composition, in the one way in which it is written: at the first term, as `0.001`."""
    first, *others = _without_lr(terms)
    options = (*first.options, (LR, write(float(lr))))
    return (Term(name=first.name, options=tuple(sorted(options))), *others)


def _without_lr(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(
        Term(name=term.name, options=tuple((key, text) for key, text in term.options if key != LR)) for term in terms
    )


def _in_one_spelling(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Write a base rate in its one way, however it was given; what cannot be read as one is told where strategies are made."""
    rates = [text for term in terms for key, text in term.options if key == LR]
    try:
        return with_lr(terms, read(rates[0], float, LR)) if rates else terms
    except UsageError:
        return terms


class _Trial(Frozen):
    """What stands first in the JSON of a RunSpec, whose order its hash depends on."""

    strategy: Annotated[tuple[Term, ...], AfterValidator(_in_one_spelling)]
    """A record of before may have the rate in other words."""
    workload: WorkloadSpec = WorkloadSpec()
    seed: Seed = 0
    """Seed of the head's initialisation, of dropout and of the order of batches."""


class RunSpec(TrainingSpec, _Trial):
    """Everything that decides a run; equal specs are the same experiment."""

    device: str = "cpu"
    """"cpu", "cuda" or "cuda:<index>"."""
    num_processes: NumProcesses | None = Field(default=None, exclude_if=lambda num: num is None)
    """That share the run, each on such a device; None, which is not written, is one."""
    parallel: Lenient[Sharing] | None = Field(default=None, exclude_if=lambda how: how is None)
    """How they share it where no strategy says so; None is replicate."""

    @property
    def name(self) -> str:
        """The strategy as the command line writes it."""
        return format_strategy(self.strategy)

    @property
    def name_without_lr(self) -> str:
        """The strategy as the command line writes it, but for the base rate of the composition."""
        return format_strategy(_without_lr(self.strategy))

    @property
    def has_own_lr(self) -> bool:
        """Whether the composition says its base rate itself, so that `lr` is not for it."""
        return any(key == LR for term in self.strategy for key, _ in term.options)


def format_strategy(terms: tuple[Term, ...]) -> str:
    """Write a composition of strategies as the command line reads it."""
    return "+".join(map(str, terms))


def canonical(text: str) -> str:
    """Write a composition as records do, in whatever order its options are given, and wherever its base rate.

    Raises:
        UsageError: the text does not follow the grammar.

    """
    return format_strategy(parse_strategy(text))


def parse_strategies(text: str, where: str = "--strategies") -> tuple[tuple[Term, ...], ...]:
    """Read a comma-separated list of compositions, in order, each once; a message says `where` it stands.

    Raises:
        UsageError: the text does not follow the grammar, or lists one composition twice.

    """
    specs = tuple(parse_strategy(part) for part in text.split(","))
    for position, spec in enumerate(specs):
        if spec in specs[:position]:
            msg = f"{where} lists {format_strategy(spec)} twice; each composition is one row of the comparison"
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
        raise UsageError(f"strategy {text.strip()!r} uses {repeated} twice")
    if [key for term in terms for key, _ in term.options].count(LR) > 1:
        raise UsageError(f"strategy {text.strip()!r} gives lr twice; it is the base rate of the whole composition")
    return _in_one_spelling(terms)


def _parse_term(text: str, whole: str) -> Term:
    name, *options = text.split(":")
    if name.endswith(".py"):
        cls, *options = options or [""]
        if not cls.isidentifier():
            msg = f"{text!r} in strategy {whole!r} does not say which class of the file: {name}:NAME"
            raise UsageError(msg)
        name = f"{_normalised(name, whole)}:{cls}"
    elif not _NAME.fullmatch(name):
        msg = f"cannot read {name!r} in strategy {whole!r}: a strategy is written name:option=value, joined by +"
        raise UsageError(msg)
    pairs: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not (equals and value and _NAME.fullmatch(key)) or key in pairs:
            problem = "is given twice" if key in pairs else "is not of the form option=value"
            raise UsageError(f"{option!r} in strategy {whole!r} {problem}")
        pairs[key] = _normalised(value, whole)
    return Term(name=name, options=tuple(sorted(pairs.items())))


def _normalised(text: str, whole: str) -> str:
    try:
        return normalise(text)
    except ValueError as error:
        raise UsageError(f"{text!r} in strategy {whole!r}: {error}") from None
