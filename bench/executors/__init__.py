"""Carries out runs, each in a fresh process that calls `bench.worker:main`, and makes a record of every ending."""

from __future__ import annotations

from bench.executors.in_process import InProcessRunner
from bench.executors.local import Runner

__all__ = ["InProcessRunner", "Runner"]
