"""Names that the other commands take, but for strategies, documented: `bench list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment.built_in_groups import GROUPS, SIGN
from bench.experiment.groups import read_groups
from bench.files import default_config, read_toml
from bench.records.metrics import METRICS
from bench.workload.models.shapes import SHAPES
from bench.workload.presets import DATASETS, MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LISTS"]


Entry = tuple[str, str, str]
"""Name, details, and one sentence."""


def _models() -> Iterator[Entry]:
    for name, preset in MODELS.items():
        yield name, f"{preset.num_params / 1e6:.0f}M parameters, {preset.licence}", preset.description
    for name, shape in SHAPES.items():
        if name not in MODELS:
            size = f"{shape.num_params / 1e6:,.0f}M parameters, {shape.licence}"
            yield name, size, f"without weights, for bench forecast: {shape.hub_id}"


def _datasets() -> Iterator[Entry]:
    for name, preset in DATASETS.items():
        yield name, f"{preset.num_rows:,} rows, {len(preset.labels)} labels", preset.description


def _metrics() -> Iterator[Entry]:
    for name, metric in METRICS.items():
        yield (
            name,
            f"{metric.unit}, {metric.better} is better" if metric.better != "neither" else metric.unit,
            metric.description,
        )


def _groups() -> Iterator[Entry]:
    for name, group in GROUPS.items():
        yield f"{SIGN}{name}", group.says, ", ".join(group.find()) or "none"
    if config := default_config():
        for name, held in read_groups(read_toml(config).get("groups", {}), config).items():
            yield f"{SIGN}{name}", f"Of {config}", ", ".join(held)


LISTS: Mapping[str, Callable[[], Iterator[Entry]]] = {
    "models": _models,
    "datasets": _datasets,
    "metrics": _metrics,
    "groups": _groups,
}
"""By what `bench list` is asked for."""
