"""The training loop and what it runs on."""

from __future__ import annotations

import bench.workload  # noqa: F401  (before any import of transformers: it silences what that imports)
