"""`bench.fit`: the largest micro-batch of each strategy on a card; `bench fit` is a skin over the same steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.api.forecast import settings_of
from bench.api.keywords import check_keywords, in_keywords, with_options
from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from bench.forecasting.fitting import Fitting

__all__ = ["fit"]


@with_options
def fit(
    strategies: str | Sequence[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    lengths: int | str | None = None,
    device: str = "here",
    measure: bool = False,
    progress: bool = True,
    **options: Any,
) -> Fitting:
    """Find the most rows of a forward pass that fit a device with each strategy.

    No weight is read: a configuration is enough, of a model of any size.

    Args:
        strategies: What to fit: a list such as `["full", "lora+checkpoint"]`, or one text with commas.
        model: A known model such as llama-3-8b, a preset, config.json, a directory with one, a GGUF file or a Hub id.
        lengths: Tokens of every row, or "data" for the rows of `data`; None is `max_length`.
        device: A card such as h100-80gb, "here" for this machine, or "cpu" for its processor, of which what is free is filled.
        measure: Take real steps too, each in a process of its own, with the model's weights, on a device of this machine.
        progress: Show these on stderr.
        options: Any other option of `bench compare`.

    Raises:
        UsageError: the request is wrong.
        KeyboardInterrupt: the user interrupted it.

    """
    from bench.forecasting.compositions import lengths_of  # noqa: PLC0415  (a wrong option answers without torch)
    from bench.forecasting.fitting import fitting  # noqa: PLC0415

    check_keywords(fit, options)
    if options.get("micro_batch_size") is not None:
        raise UsageError("micro_batch_size= is what bench.fit finds; leave it out")
    with in_keywords():
        settings = settings_of(strategies, model, options)
        asked = lengths_of(None if lengths is None else str(lengths), settings)
        if not measure:
            return fitting(settings, asked, device)
        from bench.api.measure_fit import measured_fitting  # noqa: PLC0415

        return measured_fitting(settings, asked, device, progress=progress)
