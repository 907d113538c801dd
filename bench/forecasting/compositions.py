"""From the settings of a comparison to a forecast of each of its compositions."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import NotForecast, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.meaning import check_no_two_are_one
from bench.experiment.settings import FIT
from bench.experiment.spec import WorkloadSpec, format_strategy, parse_strategies
from bench.forecasting.cards import HERE, card_of
from bench.forecasting.forecaster import Forecaster
from bench.forecasting.here import shared_among, this_card, with_free_memory
from bench.forecasting.micro_batch import micro_batch
from bench.forecasting.outlook import Outlook
from bench.forecasting.run_size import RunSize
from bench.forecasting.training import Training
from bench.training.target import Target, target
from bench.workload.data.dataset import Split, load_data
from bench.workload.models.configuration import configuration_of
from bench.workload.models.load import num_positions, vocabulary_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from transformers import PreTrainedConfig

    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec, Term
    from bench.forecasting.cards import Card
    from bench.forecasting.money import Price
    from bench.records.forecast import Forecast
    from bench.workload.data.dataset import Data

__all__ = ["compositions_on", "device_here", "device_of", "forecaster_on", "forecasts", "lengths_of", "outlook"]

OF_DATA = "data"
DEFAULT_ROWS = 512
"""Where all rows are asked for, of lengths that are given."""


def forecaster_on(
    data: Data, config: PreTrainedConfig, spec: RunSpec | Settings, *, card: Card, aim: Target | None
) -> Forecaster:
    """Return what forecasts trainings on the rows of `data`: `bench forecast --lengths data` asks it, and so does every run.

    Args:
        data: With its rows to train and to evaluate on.
        config: Of the model.
        spec: How all compositions train.
        card: That it is for.
        aim: The device that it stands for; None is the CPU of this machine.

    Raises:
        ModelError: no classifier can be built of `config`.

    """
    training = _training(spec, data.train, data.pad_token_id)
    size = _size(training, spec, int(data.evaluation.lengths.sum()))
    return Forecaster(config, training, num_labels=len(data.label_names), aim=aim, card=card, size=size, way=spec.way)


def compositions_on(
    settings: Settings, lengths: int | None, card: Card, aim: Target | None = None
) -> tuple[tuple[tuple[Term, ...], ...], Forecaster]:
    """Return the compositions of a comparison, and what forecasts each of them; arguments as those of `forecasts`.

    Raises:
        UsageError: a name or a value is wrong.

    """
    compositions = parse_strategies(settings.strategies)
    for terms in compositions:
        registry.check(terms)
    check_no_two_are_one(compositions)
    config = configuration_of(settings.model)
    if lengths is None:
        forecaster = forecaster_on(_data(settings), config, settings, card=card, aim=aim)
    else:
        forecaster = _forecaster_of(lengths, config, settings, card=card, aim=aim)
    return compositions, forecaster.in_way(settings.way, forced=settings.way is not None)


def forecasts(
    settings: Settings,
    lengths: int | None,
    card: Card,
    aim: Target | None = None,
    *,
    fitted: Mapping[str, int | None] = MappingProxyType({}),
) -> Iterator[tuple[str, Forecast | Unsupported]]:
    """Forecast one composition after the other: its name, and what it would take, or why it cannot be told.

    Args:
        settings: Of a comparison.
        lengths: Tokens of every row; None takes the rows of the data.
        card: That it is for.
        aim: The device that it stands for; None is the CPU of this machine.
        fitted: Micro-batches that were found to fit, by composition; None is a whole batch. Others are looked for where they are asked for.

    Raises:
        UsageError: a name or a value is wrong, or strategies contradict each other.

    """
    fits = settings.micro_batch_size == FIT
    compositions, forecaster = compositions_on(settings.in_whole_batches if fits else settings, lengths, card, aim)
    for terms in compositions:
        name = format_strategy(terms)
        try:
            strategies = registry.strategies_of(terms)
            size = fitted.get(name)
            if fits and name not in fitted:
                free = with_free_memory(card, settings.num_processes or 1).memory_bytes
                size = micro_batch(forecaster, strategies, free, most=forecaster.batch_size).num_rows or 1
            yield name, (forecaster.in_micro_batches(size) if size else forecaster).forecast(strategies)
        except Unsupported as error:
            yield name, error


def lengths_of(text: str | None, settings: Settings) -> int | None:
    """Read how long rows are: a number of tokens, or None for those of the data; at most as the settings say by default.

    Raises:
        UsageError: it is neither.

    """
    if text is None:
        return settings.max_length
    if text == OF_DATA:
        return None
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise UsageError(f"--lengths {text}: give the tokens of every row, such as 512, or {OF_DATA}")
    return int(text)


def device_of(name: str, *, only_known: bool = False) -> tuple[Card, Target | None]:
    """Return the device that a forecast is for, as a card and as what steps ask of it; a CPU needs no aim.

    `only_known` is for a device of this machine, as `this_card` takes it.

    Raises:
        UnknownName: there is no such card; with the nearest.
        AssetError: the cache for the speed of this machine cannot be written.

    """
    if name in (HERE, "cpu"):
        return device_here(is_gpu=name == HERE and torch.cuda.is_available(), only_known=only_known)
    card = card_of(name)
    return card, Target(kind=card.kind, name=card.name, has_native_bf16=card.has_native_bf16)


def device_here(*, is_gpu: bool, only_known: bool = False) -> tuple[Card, Target | None]:
    """Return the GPU or the CPU of this machine likewise; `only_known` as `this_card` takes it.

    Raises:
        AssetError: the cache for the speed of this machine cannot be written.

    """
    card = this_card("cuda" if is_gpu else "cpu", only_known=only_known)
    return card, target(torch.device("cuda")) if is_gpu else None


def outlook(
    settings: Settings,
    lengths: int | None,
    device: str,
    price: Price | None = None,
    *,
    fitted: Mapping[str, int | None] = MappingProxyType({}),
) -> Outlook:
    """Forecast all compositions, and what a comparison of them comes to; arguments as those of `forecasts`.

    Raises:
        UsageError: a name or a value is wrong, or strategies contradict each other.

    """
    card, aim = device_of(device)
    card = shared_among(settings.num_processes or 1, card)
    found = list(forecasts(settings, lengths, card, aim, fitted=fitted))
    return Outlook(
        card=card,
        rows={name: one for name, one in found if not isinstance(one, Unsupported)},
        refused={name: str(one) for name, one in found if isinstance(one, Unsupported)},
        skipped={name for name, one in found if isinstance(one, Unsupported) and not isinstance(one, NotForecast)},
        num_seeds=settings.seeds,
        num_processes=settings.num_processes or 1,
        price=price,
    )


def _data(settings: Settings) -> Data:
    return load_data(WorkloadSpec.model_validate(settings.model_dump(include=set(WorkloadSpec.model_fields))))


def _forecaster_of(
    length: int, config: PreTrainedConfig, settings: Settings, *, card: Card, aim: Target | None
) -> Forecaster:
    """Return what forecasts trainings on rows of any tokens."""
    most = num_positions(config)
    if most is not None and length > most:
        raise UsageError(f"rows of {length} tokens are more than the {most} that {settings.model} takes")
    num_rows = max(settings.train_samples or DEFAULT_ROWS, settings.batch_size)
    tokens = np.random.default_rng(0).integers(0, vocabulary_size(config) or 1, num_rows * length, dtype=np.int32)
    labels = np.arange(num_rows, dtype=np.int64) % 2
    split = Split(tokens=tokens, offsets=np.arange(num_rows + 1, dtype=np.int64) * length, labels=labels)
    training = _training(settings, split, config.get_text_config().pad_token_id or 0, has_texts=False)
    size = _size(training, settings, (settings.eval_samples or DEFAULT_ROWS) * length)
    return Forecaster(config, training, aim=aim, card=card, size=size)


def _size(training: Training, spec: RunSpec | Settings, evaluation_tokens: int) -> RunSize | None:
    if training.num_processes > 1:
        return None  # how fast they hear of each other is not known
    return RunSize.of(
        training, num_steps=spec.steps, evaluation_tokens=evaluation_tokens, num_evaluations=spec.evaluations
    )


def _training(spec: RunSpec | Settings, split: Split, pad_token_id: int, *, has_texts: bool = True) -> Training:
    return Training(
        split=split,
        has_texts=has_texts,
        pad_token_id=pad_token_id,
        batch_size=spec.batch_size,
        micro_batch_size=None if spec.micro_batch_size == FIT else spec.micro_batch_size,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        num_epochs=spec.epochs,
        num_processes=spec.num_processes or 1,
        parallel=spec.parallel,
    )
