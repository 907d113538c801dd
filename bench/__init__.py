"""Compare fine-tuning strategies of transformer models: speed, memory and accuracy, honestly.

    import bench

    result = bench.compare(["full", "freeze:last=2"], model="minilm-l6", data=frame, text="body", label="queue", seeds=3)
    result.table  # every strategy and metric, with intervals and letters

Each name is loaded when it is first used, so that `import bench` takes no time and needs no torch.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # without `typing`, which takes longer to import than all else here

if TYPE_CHECKING:
    from bench.api.compare_strategies import compare
    from bench.api.fit import fit
    from bench.api.forecast import forecast
    from bench.api.list_strategies import strategies
    from bench.api.result import Result, load
    from bench.experiment.spec import RunSpec
    from bench.forecasting.fitting import Fitting
    from bench.forecasting.outlook import Outlook

    __version__: str

__all__ = ["Fitting", "Outlook", "Result", "RunSpec", "__version__", "compare", "fit", "forecast", "load", "strategies"]

_MODULES = {
    "Fitting": "bench.forecasting.fitting",
    "Outlook": "bench.forecasting.outlook",
    "Result": "bench.api.result",
    "RunSpec": "bench.experiment.spec",
    "compare": "bench.api.compare_strategies",
    "fit": "bench.api.fit",
    "forecast": "bench.api.forecast",
    "load": "bench.api.result",
    "strategies": "bench.api.list_strategies",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("finetune-bench")
    if name not in _MODULES:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
