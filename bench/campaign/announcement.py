"""A comparison before it begins: its runs, in words and as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

from bench.analysis.words.numbers import percent, processes
from bench.inert import line
from bench.records.metrics import METRICS, format_bytes, format_seconds
from bench.workload.assets.wheels import bytes_to_fetch
from bench.workload.models.places import needs_conversion
from bench.workload.presets import required_assets

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from pathlib import Path

    from bench.experiment.spec import RunSpec, Term, WorkloadSpec
    from bench.experiment.tuning import RateSearch
    from bench.protocol import Fitted
    from bench.records.tuning import Tuning

__all__ = ["found_in_words", "in_words", "matrix_table", "micro_batch_in_words", "to_do_once", "tuning_in_words"]

MOST_NAMES = 12
"""Compositions of which each is named."""


def in_words(specs: Sequence[RunSpec], todo: Sequence[RunSpec], directory: Path) -> str:
    """Say in one line what will be run, on what, where the results go, and what must be fetched first."""
    names = _named(spec.name for spec in specs)
    spec, seeds = specs[0], len({spec.seed for spec in specs})
    epochs = f"{_counted(spec.epochs, 'epoch')} of {spec.workload.train_samples or 'all'} rows"
    length = _counted(spec.steps, "step") if spec.steps else epochs
    done = f", {len(specs) - len(todo)} of them done" if len(todo) < len(specs) else ""
    if not todo:
        done = ", all done before, so that model and data are not looked at again"
    where = ", ".join(filter(None, (spec.device, processes(spec.num_processes))))
    first = to_do_once(spec.workload)
    once = f"; before the first run, once: {', '.join(first)}" if first else ""
    return (
        f"{_counted(len(specs), 'run')}{done}: {names}; {spec.workload.model} on {spec.workload.dataset}, {_counted(seeds, 'seed')}, "
        f"{length}, batches of {spec.batch_size}, on {where}; results in {directory}{once}"
    )


def tuning_in_words(
    search: RateSearch,
    specs: Sequence[RunSpec],
    with_own_rate: Container[tuple[Term, ...]],
    directory: Path | None = None,
) -> str:
    """Say in one line which rates are tried for which strategies, those that have none of their own, how, and where the trials go."""
    names = _named(spec.name for spec in specs if spec.strategy not in with_own_rate)
    own = dict.fromkeys(spec.name for spec in specs if spec.strategy in with_own_rate)
    kept = f" ({', '.join(own)} {'has a rate' if len(own) == 1 else 'have rates'} already)" if own else ""
    where = f"; trials in {directory}" if directory else ""
    return (
        f"first, a learning rate for {names or 'no strategy'}{kept}: the default and {search.trials} rates from "
        f"{search.low:g} to {search.high:g}, the better half of which goes on with twice the steps, chosen on rows held out of "
        f"those to train on; at most {search.most_trials} trials for each{where}"
    )


def found_in_words(strategy: str, tuning: Tuning) -> str:
    """Say in one line which rate was found for a strategy, how good it was beside the default, and what that took."""
    quality = METRICS[tuning.metric]
    by_rate = {trial.lr: trial.quality for trial in tuning.whole_trials}
    beyond = f", the {tuning.edge} that was tried: a better one may lie beyond" if tuning.edge else ""
    rate = "none better than the default" if tuning.lr is None else f"{tuning.lr:g}{beyond}"
    default, chosen = by_rate.get(None), by_rate.get(tuning.lr)
    scores = percent(chosen) if tuning.lr is None else f"{percent(chosen)} against {percent(default)} with the default"
    return (
        f"learning rate of {strategy}: {rate}; {quality.label} {scores} on {tuning.num_rows:,} validation rows, "
        f"{_counted(len(tuning.trials), 'trial')}, {format_seconds(tuning.seconds)}"
    )


def micro_batch_in_words(strategy: str, told: Fitted | None) -> str:
    """Say in one line which micro-batch a strategy runs with, and what it takes by its forecast; None is one that could not be told."""
    if told is None:
        return f"micro-batch of {strategy}: none was found, so that batches are run whole, or as the strategy itself cuts them"
    low, high = map(format_bytes, told.peak_bytes)
    takes = f"{low if low == high else f'{low} to {high}'} of {format_bytes(told.memory_bytes)} by its forecast"
    several = f" of each of {told.num_processes} processes" if told.num_processes > 1 else ""
    if told.num_rows >= told.batch_size:
        whole = f"all {_counted(told.batch_size, 'row')}" if several else f"the whole batch of {told.batch_size}"
        return f"micro-batch of {strategy}: {whole}{several}, {takes}"
    if not told.num_rows:
        return f"micro-batch of {strategy}: not even one row fits for certain, {takes}; it is run with one"
    passes = _counted(math.ceil(told.batch_size / told.num_rows), "pass", "passes")
    return f"micro-batch of {strategy}: {told.num_rows}, in {passes} a step{several}, {takes}"


def _named(strategies: Iterable[str]) -> str:
    """Name strategies, or count them where they would fill lines."""
    names = dict.fromkeys(strategies)
    return ", ".join(names) if len(names) <= MOST_NAMES else _counted(len(names), "composition")


def _counted(number: int, word: str, several: str = "") -> str:
    return f"{number} {word if number == 1 else several or f'{word}s'}"


def to_do_once(workload: WorkloadSpec) -> list[str]:
    """List what must be fetched or converted before the first run."""
    fetched = bytes_to_fetch(required_assets(workload))
    return [
        *([f"{format_bytes(fetched)} to fetch"] if fetched else []),
        *(["the model's GGUF file to convert"] if needs_conversion(workload.model) else []),
    ]


def matrix_table(specs: Sequence[RunSpec]) -> Table:
    """List the runs in their order, for the terminal."""
    columns = ("run", "strategy", "seed", "model", "data set", "rows", "batch", "device")
    told = processes(specs[0].num_processes) if specs else ""
    table = Table(*columns, box=None, caption=told or None, caption_justify="left")
    for number, spec in enumerate(specs, start=1):
        workload = spec.workload
        length = f"{spec.steps} steps" if spec.steps else f"{workload.train_samples or 'all'} x {spec.epochs}"
        batch = f"{spec.batch_size} by {spec.micro_batch_size}" if spec.micro_batch_size else spec.batch_size
        cells = (number, spec.name, spec.seed, workload.model, workload.dataset, length, batch, spec.device)
        table.add_row(*(line(str(cell)) for cell in cells))
    return table
