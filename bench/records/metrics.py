"""The metrics of tables, reports and the gate: unit, direction and format of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["METRICS", "WITHOUT_TIMES", "Metric", "format_bytes", "format_flops", "format_rate", "format_seconds"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of the table that is a measurement."""

    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    compare: Literal["ratio", "difference", "none"]
    """Against the reference: as a factor, or in the metric's own unit."""
    description: str
    written: Callable[[float], str] | None = None
    """How a value is written, where it is not as others of its unit."""

    def format(self, value: float) -> str:
        """Write a value with its unit."""
        return (self.written or _FORMATS[self.unit])(value)


_FOUR_DIGITS = 999.5
"""From here on, three significant digits would be written as 1e+03."""


def format_bytes(value: float) -> str:
    """Bytes in binary units, three significant digits: "1.23 GiB"."""
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < _FOUR_DIGITS:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB" if abs(value) < _FOUR_DIGITS else f"{value:,.0f} GiB"


def format_seconds(value: float) -> str:
    """Seconds as a person reads them: "85 ms", "4.2 s", "3 min 20 s", "2 h 05 min"."""
    if value * 1000 < _FOUR_DIGITS:
        return f"{value * 1000:.3g} ms"
    if value < 59.95:  # noqa: PLR2004  (what is written as 60 s is a minute)
        return f"{value:.3g} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_rate(value: float) -> str:
    """A learning rate, two significant digits: "2e-5"."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _rate(value: float) -> str:
    return f"{value:,.3g}" if value < _FOUR_DIGITS else f"{value:,.0f}"


def format_flops(value: float) -> str:
    """Floating-point operations in decimal units: "81.5 GFLOP"."""
    for unit in ("", "k", "M", "G"):
        if abs(value) < _FOUR_DIGITS:
            return f"{value:.3g} {unit}FLOP"
        value /= 1000
    return f"{value:.3g} TFLOP"


def _joules(value: float) -> str:
    return f"{value:.3g} J" if value < _FOUR_DIGITS else f"{value / 1000:.3g} kJ"


_FORMATS: dict[str, Callable[[float], str]] = {
    "bytes": format_bytes,
    "s": format_seconds,
    "share": "{:.1%}".format,
    "nats": "{:.3f}".format,
    "samples/s": _rate,
    "tokens/s": _rate,
    "FLOP": format_flops,
    "FLOP/s": lambda value: f"{format_flops(value)}/s",
    "parameters": "{:,.0f}".format,
    "steps": "{:,.0f}".format,
    "processes": "{:,.0f}".format,
    "J": _joules,
    "W": "{:.0f} W".format,
}
"""By unit."""


METRICS: dict[str, Metric] = {
    "samples_per_second": Metric("throughput", "samples/s", "higher", "ratio", "samples trained on / train_seconds"),
    "training_memory_bytes": Metric(
        "training memory",
        "bytes",
        "lower",
        "ratio",
        "peak of training: a GPU above its baseline, on a CPU the process above what it held before the model's weights",
    ),
    "accuracy": Metric("accuracy", "share", "higher", "difference", "on the evaluation rows, after training"),
    "macro_f1": Metric("macro F1", "share", "higher", "difference", "mean of the F1 scores of the classes"),
    "balanced_accuracy": Metric(
        "balanced accuracy", "share", "higher", "difference", "mean of the recalls of the classes"
    ),
    "eval_loss": Metric("evaluation loss", "nats", "lower", "difference", "mean cross-entropy"),
    "train_seconds": Metric(
        "training time", "s", "lower", "ratio", "what the strategy costs; evaluation and loading excluded"
    ),
    "steady_samples_per_second": Metric("steady throughput", "samples/s", "higher", "ratio", "after the warm-up steps"),
    "steady_tokens_per_second": Metric(
        "steady tokens", "tokens/s", "higher", "ratio", "real tokens after the warm-up steps; padding not counted"
    ),
    "step_seconds_median": Metric("step time", "s", "lower", "ratio", "median over the steady steps"),
    "step_seconds_p10": Metric("quick step", "s", "lower", "none", "10th percentile of the steady steps"),
    "step_seconds_p90": Metric("slow step", "s", "lower", "none", "90th percentile of the steady steps"),
    "seconds_above_chance": Metric(
        "above chance after",
        "s",
        "lower",
        "none",
        "training time to the first point of the curve that beats the majority class by two standard errors",
    ),
    "mfu": Metric(
        "MFU", "share", "higher", "none", "useful FLOPs of the steady steps against this machine's own matmul rate"
    ),
    "datasheet_mfu": Metric(
        "MFU of the datasheet", "share", "higher", "none", "the same against the peak of a known GPU"
    ),
    "flops_per_second": Metric(
        "useful rate", "FLOP/s", "higher", "none", "matmuls of the steady steps, without recomputation"
    ),
    "step_flops": Metric("work of a step", "FLOP", "lower", "none", "mean of the steady steps"),
    **{
        f"{part}_seconds": Metric(name, "s", "lower", "none", f"of a steady step, mean: {words}")
        for part, name, words in (
            ("data", "data", "assembling the batch"),
            ("forward", "forward", "with the loss"),
            ("backward", "backward", "all gradients"),
            ("communication", "communication", "summing gradients after backward, and waiting for the slowest"),
            ("optimizer", "optimizer", "clipping, step, clearing and what a strategy does after a step"),
        )
    },
    **{
        f"{part}_bytes": Metric(name, "bytes", "lower", "none", f"of the training peak: {words}")
        for part, name, words in (
            ("before", "before the weights", "interpreter, libraries and data; no part of the training memory"),
            ("weights", "weights", "as large as their tensors"),
            ("gradients", "gradients", "as large as their tensors"),
            ("optimizer", "optimizer state", "as large as its tensors"),
            ("rest", "activations and rest", "what is left of the measured peak"),
        )
    },
    "num_trainable_params": Metric("trained", "parameters", "lower", "none", "the most that train at once"),
    "num_params": Metric("parameters", "parameters", "neither", "none", "of the whole model"),
    "num_processes": Metric("processes", "processes", "neither", "none", "that share a run, where several do"),
    "smallest_rank_bytes": Metric(
        "least of a process",
        "bytes",
        "lower",
        "none",
        "training memory of the process with least; else it is that with most",
    ),
    "communication_share": Metric(
        "communication", "share", "lower", "none", "of a steady step: sums after backward, and waiting for the slowest"
    ),
    "host_peak_bytes": Metric(
        "host peak",
        "bytes",
        "lower",
        "ratio",
        "resident memory of the whole process, Python and libraries included, the kernel's high-water mark",
    ),
    "torch_allocated_peak_bytes": Metric(
        "allocated peak", "bytes", "lower", "ratio", "live tensors on the GPU, torch allocator"
    ),
    "torch_reserved_peak_bytes": Metric(
        "reserved peak", "bytes", "lower", "ratio", "held by torch's caching allocator"
    ),
    "nvml_used_peak_bytes": Metric("NVML used", "bytes", "lower", "ratio", "whole device, by NVML"),
    "nvml_delta_bytes": Metric("NVML delta", "bytes", "lower", "ratio", "whole device above its baseline, by NVML"),
    "nvml_process_bytes": Metric(
        "NVML process", "bytes", "lower", "none", "of the run's own process, where NVML knows it"
    ),
    "load_peak_bytes": Metric("peak of loading", "bytes", "lower", "none", "before training"),
    "evaluate_peak_bytes": Metric(
        "peak of evaluation", "bytes", "lower", "none", "points of the learning curve included"
    ),
    "energy_joules": Metric("energy", "J", "lower", "ratio", "of the GPU in training, by its own counter"),
    "power_watts": Metric("power", "W", "neither", "none", "of the GPU in training, mean"),
    "num_skipped_steps": Metric("skipped steps", "steps", "lower", "none", "by the GradScaler, after an overflow"),
    "cache_seconds": Metric(
        "filling the cache", "s", "lower", "none", "of the training time: running the frozen layers once"
    ),
    "cache_bytes": Metric("cache", "bytes", "lower", "none", "stored outputs of the frozen layers"),
    "compile_seconds": Metric("compiling", "s", "lower", "none", "of the training time: compiling, and the first pass"),
    "load_seconds": Metric("loading", "s", "neither", "none", "data, model and plan; a GPU's kernels"),
    "eval_seconds": Metric("evaluation", "s", "neither", "none", "of the whole evaluation set"),
    "eval_samples_per_second": Metric(
        "evaluation throughput", "samples/s", "higher", "ratio", "evaluation rows / eval_seconds"
    ),
    "merged_eval_samples_per_second": Metric(
        "merged evaluation", "samples/s", "higher", "ratio", "the same with the adapters merged into the weights"
    ),
    "deploy_bytes": Metric(
        "to deploy", "bytes", "lower", "none", "to be stored beside the base model: what the run changed"
    ),
    "probe_seconds": Metric(
        "profiling", "s", "neither", "none", "FLOPs and matmul rate, after training; part of no other time"
    ),
    "forecast_low_bytes": Metric(
        "forecast memory, at least", "bytes", "neither", "none", "of the peak of training, told before the run"
    ),
    "forecast_high_bytes": Metric("forecast memory, at most", "bytes", "neither", "none", "likewise"),
    "forecast_memory_error": Metric(
        "error of the forecast memory",
        "share",
        "neither",
        "none",
        "by which the middle of the forecast is above the measured training memory, or below",
    ),
    "forecast_low_seconds": Metric(
        "forecast time, at least", "s", "neither", "none", "of training, told before the run"
    ),
    "forecast_high_seconds": Metric("forecast time, at most", "s", "neither", "none", "likewise"),
    "forecast_time_error": Metric(
        "error of the forecast time",
        "share",
        "neither",
        "none",
        "by which the middle of the forecast is above the measured training time, or below",
    ),
}
"""By column of the table, in the order of importance."""

WITHOUT_TIMES = frozenset(
    {"accuracy", "macro_f1", "balanced_accuracy", "eval_loss", "step_flops", "num_skipped_steps"}
    | {"num_trainable_params", "num_params", "num_processes", "cache_bytes", "deploy_bytes"}
    | {"eval_seconds", "eval_samples_per_second", "merged_eval_samples_per_second"}
    | {"forecast_low_bytes", "forecast_high_bytes", "forecast_low_seconds", "forecast_high_seconds"}
)
"""What is known of a run that did not train in one go: no time or memory of its training."""
