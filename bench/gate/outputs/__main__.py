"""Print the schema of gate.json, as it lies beside this file: python -m bench.gate.outputs."""

from __future__ import annotations

import sys

from bench.gate.outputs.gate_json import schema_text

sys.stdout.write(schema_text())
