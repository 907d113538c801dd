"""What must be the same for a run to go on in another process as if it were one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.measuring.environment import fingerprint
from bench.training.savings.onednn_linear import fp32_matmuls

if TYPE_CHECKING:
    import torch

    from bench.experiment.spec import RunSpec
    from bench.worker.measurement import StartingPoint
    from bench.workload.data.dataset import Data

__all__ = ["origin"]


def origin(spec: RunSpec, data: Data, start: StartingPoint, device: torch.device) -> dict[str, str]:
    """Tell by name what a run is, what it begins from, and what computes it; what tells no more than the time is left out."""
    here = fingerprint(device, data.assets, spec, fp32_matmuls=fp32_matmuls(device))
    told = {
        "what was asked for": here.config_hash,
        **here.versions,
        "bench's commit": here.git_commit,
        "Python": here.python,
        "the processor": here.host_cpu,
        "the device": here.device_name,
        "the driver": here.driver,
        **(here.settings or {}),
        "the data": data.digest,
        "the model": start.model_digest,
        "the strategy's code": json.dumps(start.strategy_code, sort_keys=True),
    }
    return {name: str(value) for name, value in told.items()}
