"""The flags of a record: what each means for the reader, and whether it bars a row from ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.experiment.bounds import Frozen, Lenient

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["FLAGS", "Flag", "FlagCode", "Kind", "Severity", "barring", "is_suspect", "is_timed", "kind_of"]

Severity = Literal["suspect", "untimed", "note"]

FlagCode = Literal[
    "amp-without-effect",
    "fp16-on-cpu",
    "bf16-emulated",
    "fp16-skipped-steps",
    "throttled",
    "clocks-drifted",
    "foreign-process",
    "allocator-retries",
    "swap",
    "cpu-steal",
    "unsteady-steps",
    "sampler-gap",
    "memory-residual",
    "gpu-lost",
    "other-start",
    "replicas-differ",
    "resumed-within",
    "shared-host",
    "checkpoint-head",
    "fresh-head",
    "other-pad-token",
    "not-packed",
    "few-steps",
    "chance-accuracy",
    "one-class-dominates",
    "unseen-classes",
    "truncated-inputs",
    "small-evaluation",
    "busy-machine",
    "power-capped",
    "exit",
    "not-saved",
    "not-merged",
    "micro-batch-halved",
    "not-checkpointed",
    "probe-failed",
    "mig-slice",
    "nvml-hung",
    "nvml-unavailable",
    "nvml-error",
]


class Flag(Frozen):
    """A doubt about a number: the code of the check that raised it, and a sentence for the report."""

    code: Lenient[FlagCode]
    message: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means.

    "suspect" bars a row from ranking and gating unless asked for; "untimed" leaves its run out of every comparison of times
    and memory, and of no other; "note" is only shown.
    """

    severity: Severity
    meaning: str


_SUSPECT: dict[FlagCode, str] = {
    "amp-without-effect": "The run says nothing about the precision that was asked for, as it ran in another.",
    "fp16-on-cpu": "The times say nothing about fp16 elsewhere: a CPU only emulates it.",
    "bf16-emulated": "The times say nothing about bf16 elsewhere: this device only emulates it.",
    "fp16-skipped-steps": "The run trained fewer steps than the others: gradients kept overflowing in fp16.",
    "throttled": "The device slowed itself down for heat or power, so the times are too long.",
    "clocks-drifted": "The device changed its clock during the run, so early and late steps differ.",
    "foreign-process": "Another process used the device, so times and memory are not this run's alone.",
    "allocator-retries": "Memory was so short that the allocator had to free and retry, which costs time.",
    "swap": "The machine moved memory to disk, so the times are too long and the peak too low.",
    "cpu-steal": "Other guests of the same host took processor time, so the times are too long.",
    "unsteady-steps": "Step times drifted or jumped between levels, so their mean describes neither.",
    "sampler-gap": "Memory was not sampled for too long, so the true peak may be higher.",
    "memory-residual": "The measured parts of the memory do not add up to the measured total.",
    "gpu-lost": "The device stopped responding during the run.",
    "other-start": "The run began from another model, head or data than the others, so it says nothing of its strategy.",
    "replicas-differ": "The copies of the model on the devices of the run were no longer alike at its end, so no one process would have trained so.",
}

_UNTIMED: dict[FlagCode, str] = {
    "resumed-within": "The run was interrupted and went on from a checkpoint: what it learnt is that of a run in one go, times and memory are not.",
    "shared-host": "Other runs were carried out on the same machine at the same time: what it learnt is that of a run alone, times and memory are not.",
}

_NOTES: dict[FlagCode, str] = {
    "checkpoint-head": "The head is the checkpoint's own: it had learnt these classes before the run began.",
    "fresh-head": "The checkpoint has a head for other classes, or for these in no sure order: a fresh one learns.",
    "other-pad-token": "Another token pads than the tokenizer's own, which the model does not have; nothing attends to it.",
    "not-packed": "Batches are padded: a trainer that packs texts would be faster for every strategy.",
    "few-steps": "Few steps were timed, so the intervals of the times are wide.",
    "chance-accuracy": "The model is not shown to be better than always predicting the most frequent class.",
    "one-class-dominates": "Accuracy says little of the other classes there; rank by macro F1, in which all count alike (--quality macro_f1).",
    "unseen-classes": "No strategy can learn those classes, so accuracies are lower than the strategies deserve.",
    "truncated-inputs": "Many texts are longer than the maximal length, so their ends were never seen.",
    "small-evaluation": "There are too few evaluation rows to tell accuracies apart that are not far apart.",
    "busy-machine": "Other programs kept the processors busy, so times scatter more than they would.",
    "power-capped": "The device ran at its power limit, as it does under full load.",
    "exit": "The run's process had to be ended after it had reported its numbers.",
    "not-saved": "The weights that were to be kept are not, or not whole; the numbers are.",
    "not-merged": "The adapters are no part of the weights, so the model is only as fast as it was evaluated.",
    "micro-batch-halved": "The micro-batch that was asked for did not fit: all seeds took smaller ones, at which speed and memory were measured.",
    "not-checkpointed": "The run was long, and could not have gone on after an interruption; its numbers are as good as any.",
    "probe-failed": "A measurement after training failed; what it would have told is missing.",
    "mig-slice": "The device is a slice of a GPU, so power, clocks and energy are not its own.",
    "nvml-hung": "The driver's library did not return from a call; what it says is missing or incomplete.",
    "nvml-unavailable": "The driver's library was not there, so memory is the allocator's and clocks are unknown.",
    "nvml-error": "The driver's library failed on some questions; what it did not tell is not measured.",
}

_OF_TIMES: frozenset[FlagCode] = frozenset(_SUSPECT) - {
    "amp-without-effect",
    "fp16-skipped-steps",
    "gpu-lost",
    "other-start",
    "replicas-differ",
}
"""Doubts about times and memory, and about nothing that was learnt."""

_BY_SEVERITY: dict[Severity, dict[FlagCode, str]] = {"suspect": _SUSPECT, "untimed": _UNTIMED, "note": _NOTES}

FLAGS: dict[FlagCode, Kind] = {
    code: Kind(severity, meaning) for severity, meanings in _BY_SEVERITY.items() for code, meaning in meanings.items()
}
"""By code."""

_UNKNOWN = Kind(
    "suspect", "This version of bench does not know the flag, so it may be a doubt; its sentence says what was found."
)


def kind_of(code: FlagCode) -> Kind:
    """Look up a code; an unknown one, of another version, may be a doubt there and is treated as one."""
    return FLAGS.get(code, _UNKNOWN)


def is_suspect(code: FlagCode) -> bool:
    """Whether the flag bars a row from ranking."""
    return kind_of(code).severity == "suspect"


def barring(flags: Collection[Flag]) -> list[Flag]:
    """Those of a run's flags that bar it from ranking: where its times are not compared anyway, none that is about them alone."""
    spared = frozenset[FlagCode]() if is_timed(flags) else _OF_TIMES
    return [flag for flag in flags if is_suspect(flag.code) and flag.code not in spared]


def is_timed(flags: Iterable[Flag]) -> bool:
    """Whether a run with these flags has a part in comparisons of times and memory."""
    return all(kind_of(flag.code).severity != "untimed" for flag in flags)
