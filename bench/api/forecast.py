"""`bench.forecast`: what strategies would take, before any weight is there; `bench forecast` is a skin over the same steps."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from bench.api.keywords import as_settings, check_keywords, in_keywords, named, path_named, with_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.experiment.settings import Settings
    from bench.forecasting.outlook import Outlook

__all__ = ["forecast", "settings_of"]


@with_options
def forecast(
    strategies: str | Sequence[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    lengths: int | str | None = None,
    device: str = "here",
    price: str | float | None = None,
    **options: Any,
) -> Outlook:
    """Run a few steps of each strategy on tensors without numbers, and tell the memory, the time and the money that they take.

    No weight is read: a configuration is enough, of a model of any size.

    Args:
        strategies: What to forecast: a list such as `["full", "lora+checkpoint"]`, or one text with commas.
        model: A known model such as llama-3-8b, a preset, config.json, a directory with one, a GGUF file or a Hub id.
        lengths: Tokens of every row, or "data" for the rows of `data`; None is `max_length`.
        device: A card such as h100-80gb, "here" for this machine, or "cpu" for its processor.
        price: Of an hour of it, such as "2.5/h" or "$2.50/h".
        options: Any other option of `bench compare`.

    Raises:
        UsageError: the request is wrong.

    """
    from bench.forecasting.compositions import lengths_of, outlook  # noqa: PLC0415  (a wrong option answers without torch)
    from bench.forecasting.money import Price  # noqa: PLC0415

    check_keywords(forecast, options)
    with in_keywords():
        settings = settings_of(strategies, model, options)
        asked = lengths_of(None if lengths is None else str(lengths), settings)
        return outlook(settings, asked, device, None if price is None else Price.parse(str(price)))


def settings_of(
    strategies: str | Sequence[str] | None, model: str | PathLike[str] | None, options: Mapping[str, Any]
) -> Settings:
    """Read what is asked of a forecast as settings; tables are data too, as for `bench.compare`.

    Raises:
        UsageError: a value is wrong.

    """
    given = {} if strategies is None else {"strategies": named("strategies", strategies)}
    if model is not None:
        given["model"] = str(path_named("model=", model)) if isinstance(model, PathLike) else model
    if (data := options.get("data")) is not None:
        from bench.api.tables import dataset_named  # noqa: PLC0415  (it imports pandas)

        given["data"] = dataset_named(data, options.get("text"), options.get("label"))
    return as_settings({**options, **given}, quick=False)
