"""One run, one fresh process: started, watched, and turned into a record whatever becomes of it."""

from __future__ import annotations

from bench.executors.in_process import InProcessRunner
from bench.executors.local import Runner

__all__ = ["InProcessRunner", "Runner"]
