"""`bench.forecast`: what strategies would take, before any weight is there; `bench forecast` is a skin over the same steps."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from bench.api.keywords import as_settings, check_keywords, in_keywords, named, path_named, with_options
from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.records.forecast import Forecast

__all__ = ["Forecasts", "forecast"]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What each composition would take."""

    rows: Mapping[str, Forecast]
    refused: Mapping[str, str]
    """Why others cannot be told, or do not run on such a device."""


@with_options
def forecast(
    strategies: str | Sequence[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    lengths: int | str | None = None,
    device: str = "here",
    **options: Any,
) -> Forecasts:
    """Run a few steps of each strategy on tensors without numbers, and tell the memory and the FLOPs that they take.

    No weight is read: a configuration is enough, of a model of any size.

    Args:
        strategies: What to forecast: a list such as `["full", "lora+checkpoint"]`, or one text with commas.
        model: A known model such as llama-3-8b, a preset, config.json, a directory with one, a GGUF file or a Hub id.
        lengths: Tokens of every row, or "data" for the rows of `data`; None is `max_length`.
        device: "here", or "cpu".
        options: Any other option of `bench compare`.

    Raises:
        UsageError: the request is wrong.

    """
    from bench.forecasting.compositions import aim_of, forecasts, lengths_of  # noqa: PLC0415  (a wrong option answers without torch)

    check_keywords(forecast, options)
    given = {} if strategies is None else {"strategies": named("strategies", strategies)}
    if model is not None:
        given["model"] = str(path_named("model=", model)) if isinstance(model, PathLike) else model
    with in_keywords():
        settings = as_settings({**given, **options}, quick=False)
        asked = lengths_of(None if lengths is None else str(lengths), settings)
        found = list(forecasts(settings, asked, aim_of(device)))
    return Forecasts(
        rows={name: one for name, one in found if not isinstance(one, Unsupported)},
        refused={name: str(one) for name, one in found if isinstance(one, Unsupported)},
    )
