"""Sides without torch: a checkout whose trainer only sleeps, and can be made to misbehave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_side"]

_WORKER = """
import json, os, signal, sys, time

def main(connection, request_json):
    spec = json.loads(request_json)["spec"]
    seed, strategy = spec["seed"], spec["strategy"][0]["name"]

    def send(**message):
        connection.send_bytes(json.dumps(message).encode())

    def fail(status, reason="", usage=False):
        send(kind="failed", status=status, reason=reason, usage=usage)

    measured = {{
        "losses": [1 / step for step in range(1, spec["steps"] + 1)],
        "memory": {{"host_peak_bytes": 400 << 20, "host_before_bytes": 300 << 20}},
        "evaluation": {{"accuracy": 0.9 + seed % 4 / 100}},
        "compute_dtype": "float32",
    }}
    environment = {{
        "host_cpu": "Example CPU", "num_cores": len(os.sched_getaffinity(0)), "num_threads": 1, "python": "3.13", "versions": {{"torch": "2.13"}},
        "device_name": "Example CPU",
    }}
    seconds = 0.001
    {before}
    send(kind="phase", name="train", at=0.0)
    for done in range(1, spec["steps"] + 1):
        time.sleep(seconds)
        send(kind="progress", done=done, total=spec["steps"], unit="steps")
    {after}
    send(kind="finished", measured=measured, environment=environment)
"""


def write_side(
    root: Path, *, before: str = "", after: str = "", protocol: str = "", record: str = "SCHEMA_VERSION = 1"
) -> Path:
    """Write a checkout; `before` and `after` are statements of its trainer around the steps."""
    package = root / "bench"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "protocol.py").write_text(protocol)
    (package / "record.py").write_text(record)
    (package / "worker.py").write_text(_WORKER.format(before=before, after=after))
    return root
