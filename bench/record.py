"""Where a gate of an earlier version finds which records this one writes."""

from bench.records.record import SCHEMA_VERSION

__all__ = ["SCHEMA_VERSION"]
