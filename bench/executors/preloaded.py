"""What the fork server imports once for all runs; what libraries say meanwhile of kernels that they lack is dropped."""

from importlib import import_module

from bench.plan.quiet import quietly

with quietly():
    import_module("bench.worker")
