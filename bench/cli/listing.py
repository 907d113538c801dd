"""The names that the command line takes, documented."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from bench.errors import UsageError
from bench.experiment import registry
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["entries"]

Entry = tuple[str, str, str]


def entries(kind: Literal["strategies", "models", "datasets", "metrics"]) -> Iterator[Entry]:
    """List name, options or details, and one sentence."""
    return {"strategies": _strategies, "models": _models, "datasets": _datasets, "metrics": _metrics}[kind]()


def _strategies() -> Iterator[Entry]:
    for name in registry.names():
        try:
            cls = registry.class_of(name)
        except UsageError as error:
            yield name, "", f"cannot be used: {error}"
            continue
        options = (f"{key}={_type(kind)} [{default}]" for key, (kind, default) in registry.options_of(cls).items())
        yield name, ", ".join(options), (inspect.getdoc(cls) or "").partition("\n")[0]


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    names = [choice.__name__ for choice in get_args(kind) or (kind,) if choice is not type(None)]
    return "|".join(names)


def _models() -> Iterator[Entry]:
    from bench.workload.presets import MODELS  # noqa: PLC0415

    for name, preset in MODELS.items():
        yield name, f"{preset.num_params / 1e6:.0f}M parameters, {preset.licence}", preset.description


def _datasets() -> Iterator[Entry]:
    from bench.workload.presets import DATASETS  # noqa: PLC0415

    for name, preset in DATASETS.items():
        yield name, f"{preset.num_rows:,} rows, {len(preset.labels)} labels", preset.description


def _metrics() -> Iterator[Entry]:
    for name, metric in METRICS.items():
        yield (
            name,
            f"{metric.unit}, {metric.better} is better" if metric.better != "neither" else metric.unit,
            metric.description,
        )
