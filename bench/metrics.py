"""The metrics that tables, reports and the gate speak of: unit, direction and format, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HEADLINES", "METRICS", "Metric", "format_bytes", "format_seconds"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of the table that is a measurement."""

    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    compare: Literal["ratio", "difference", "none"]
    """Against the reference: as a factor, or in the metric's own unit."""
    format: Callable[[float], str]
    description: str


def format_bytes(value: float) -> str:
    """Bytes in binary units, three significant digits: "1.23 GiB"."""
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1000:  # noqa: PLR2004  (so that three digits suffice)
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"


def format_seconds(value: float) -> str:
    """Seconds as a person reads them: "85 ms", "4.2 s", "3 min 20 s", "2 h 05 min"."""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < 60:  # noqa: PLR2004
        return f"{value:.3g} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _rate(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _nats(value: float) -> str:
    return f"{value:.3f}"


METRICS: dict[str, Metric] = {
    "samples_per_second": Metric(
        "throughput", "samples/s", "higher", "ratio", _rate, "samples trained on / train_seconds"
    ),
    "peak_memory_bytes": Metric(
        "peak memory",
        "bytes",
        "lower",
        "ratio",
        format_bytes,
        "device used above its baseline on a GPU, process on a CPU",
    ),
    "accuracy": Metric("accuracy", "share", "higher", "difference", _percent, "on the evaluation rows, after training"),
    "macro_f1": Metric("macro F1", "share", "higher", "difference", _percent, "mean of the F1 scores of the classes"),
    "eval_loss": Metric("evaluation loss", "nats", "lower", "difference", _nats, "mean cross-entropy"),
    "train_seconds": Metric(
        "training time",
        "s",
        "lower",
        "ratio",
        format_seconds,
        "what the strategy costs; evaluation and loading excluded",
    ),
    "steady_samples_per_second": Metric(
        "steady throughput", "samples/s", "higher", "ratio", _rate, "after the warm-up steps"
    ),
    "steady_tokens_per_second": Metric(
        "steady tokens",
        "tokens/s",
        "higher",
        "ratio",
        _rate,
        "real tokens after the warm-up steps; padding not counted",
    ),
    "step_seconds_median": Metric("step time", "s", "lower", "ratio", format_seconds, "median over the steady steps"),
    "num_trainable_params": Metric("trained", "parameters", "lower", "none", _count, "the most that train at once"),
    "num_params": Metric("parameters", "parameters", "neither", "none", _count, "of the whole model"),
    "host_peak_bytes": Metric(
        "host peak", "bytes", "lower", "ratio", format_bytes, "resident memory, the kernel's high-water mark"
    ),
    "torch_allocated_peak_bytes": Metric(
        "allocated peak", "bytes", "lower", "ratio", format_bytes, "live tensors on the GPU, torch allocator"
    ),
    "torch_reserved_peak_bytes": Metric(
        "reserved peak", "bytes", "lower", "ratio", format_bytes, "held by torch's caching allocator"
    ),
    "nvml_used_peak_bytes": Metric("NVML used", "bytes", "lower", "ratio", format_bytes, "whole device, by NVML"),
    "nvml_delta_bytes": Metric(
        "NVML delta", "bytes", "lower", "ratio", format_bytes, "whole device above its baseline, by NVML"
    ),
    "num_skipped_steps": Metric(
        "skipped steps", "steps", "lower", "none", _count, "by the GradScaler, after an overflow"
    ),
    "cache_seconds": Metric(
        "filling the cache",
        "s",
        "lower",
        "none",
        format_seconds,
        "of the training time: running the frozen layers once",
    ),
    "cache_bytes": Metric("cache", "bytes", "lower", "none", format_bytes, "what the frozen layers answer, stored"),
    "compile_seconds": Metric(
        "compiling", "s", "lower", "none", format_seconds, "of the training time: compiling, and the first pass"
    ),
    "load_seconds": Metric("loading", "s", "neither", "none", format_seconds, "data, model and plan"),
    "eval_seconds": Metric("evaluation", "s", "neither", "none", format_seconds, "of the whole evaluation set"),
}
"""By column of the table, in the order of importance."""

HEADLINES = ("samples_per_second", "peak_memory_bytes", "accuracy")
"""The three that decide, in the order of the table."""
