from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from bench.gate.sampling import forker


def test_a_gate_of_an_earlier_version_finds_what_it_asks_a_side_for() -> None:
    """The forker of every version imports these by name, whatever rooms the side has."""
    asked = set(re.findall(r'import_module\("([\w.]+)"\)', Path(forker.__file__).read_text()))
    assert asked == {"bench.worker", "bench.protocol", "bench.record"}
    assert callable(import_module("bench.worker").main)
    assert isinstance(import_module("bench.protocol").VERSION, int)
    assert import_module("bench.record").SCHEMA_VERSION == import_module("bench.records.record").SCHEMA_VERSION
