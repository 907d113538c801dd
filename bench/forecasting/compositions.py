"""From the settings of a comparison to a forecast of each of its compositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.meaning import check_no_two_are_one
from bench.experiment.spec import WorkloadSpec, format_strategy, parse_strategies
from bench.forecasting.forecaster import Forecaster
from bench.forecasting.steps import Training
from bench.training.target import target
from bench.workload.data.dataset import Split, load_data
from bench.workload.models.configuration import configuration_of
from bench.workload.models.load import num_positions, vocabulary_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedConfig

    from bench.experiment.settings import Settings
    from bench.records.forecast import Forecast
    from bench.training.target import Target

__all__ = ["aim_of", "forecasts", "lengths_of"]

OF_DATA = "data"
DEFAULT_ROWS = 512
"""Where all rows are asked for, of lengths that are given."""


def forecasts(
    settings: Settings, lengths: int | None, aim: Target | None = None
) -> Iterator[tuple[str, Forecast | Unsupported]]:
    """Forecast one composition after the other: its name, and what it would take, or why it cannot be told.

    Args:
        settings: Of a comparison.
        lengths: Tokens of every row; None takes the rows of the data.
        aim: The device that it is for; None is the CPU of this machine.

    Raises:
        UsageError: a name or a value is wrong, or strategies contradict each other.

    """
    compositions = parse_strategies(settings.strategies)
    for terms in compositions:
        registry.check(terms)
    check_no_two_are_one(compositions)
    config = configuration_of(settings.model)
    training, num_labels = _of_data(settings) if lengths is None else (_of_length(settings, config, lengths), 2)
    forecaster = Forecaster(config, training, num_labels=num_labels, aim=aim)
    for terms in compositions:
        try:
            yield format_strategy(terms), forecaster.forecast(registry.strategies_of(terms))
        except Unsupported as error:
            yield format_strategy(terms), error


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


def aim_of(device: str) -> Target | None:
    """Return the device that a forecast is for: the GPU of this machine, or its CPU, which needs no aim.

    Raises:
        UsageError: there is no such device.

    """
    has_gpu = torch.cuda.is_available()
    if device == "cpu" or (device == "here" and not has_gpu):
        return None
    if device != "here":
        raise UsageError(f"--device {device}: give here or cpu")
    return target(torch.device("cuda"))


def _of_data(settings: Settings) -> tuple[Training, int]:
    data = load_data(WorkloadSpec.model_validate(settings.model_dump(include=set(WorkloadSpec.model_fields))))
    return _training(settings, data.train, data.pad_token_id), len(data.label_names)


def _of_length(settings: Settings, config: PreTrainedConfig, length: int) -> Training:
    """Make rows of any tokens."""
    most = num_positions(config)
    if most is not None and length > most:
        raise UsageError(f"rows of {length} tokens are more than the {most} that {settings.model} takes")
    num_rows = max(settings.train_samples or DEFAULT_ROWS, settings.batch_size)
    tokens = np.random.default_rng(0).integers(0, vocabulary_size(config) or 1, num_rows * length, dtype=np.int32)
    labels = np.arange(num_rows, dtype=np.int64) % 2
    split = Split(tokens=tokens, offsets=np.arange(num_rows + 1, dtype=np.int64) * length, labels=labels)
    return _training(settings, split, config.get_text_config().pad_token_id or 0, has_texts=False)


def _training(settings: Settings, split: Split, pad_token_id: int, *, has_texts: bool = True) -> Training:
    return Training(
        split=split,
        has_texts=has_texts,
        pad_token_id=pad_token_id,
        batch_size=settings.batch_size,
        micro_batch_size=settings.micro_batch_size,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        num_epochs=settings.epochs,
    )
