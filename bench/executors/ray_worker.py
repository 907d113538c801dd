"""The part of a comparison that Ray starts on a node."""

from __future__ import annotations

import os
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from bench.executors.node import Node, Terms
from bench.protocol import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Worker"]


class Worker:
    """Carries out runs on a node, in a process that Ray starts there."""

    def __init__(self, terms_json: str) -> None:
        """Import what runs need."""
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # Ray counts GPUs as the driver does
        self._node = Node(Terms.model_validate_json(terms_json))
        self._node.__enter__()

    def ready(self) -> None:
        """Return once there is a worker."""

    def carry_out(self, request_json: str) -> Iterator[str]:
        """Carry out a request, and yield its lines."""
        lines: SimpleQueue[str | None] = SimpleQueue()

        def work() -> None:
            try:
                self._node.carry_out(Request.model_validate_json(request_json), lines.put)
            finally:
                lines.put(None)

        Thread(target=work, daemon=True).start()
        while (line := lines.get()) is not None:  # Ray sends to what yields, which an iterator does not take
            yield line
