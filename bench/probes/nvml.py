"""GPUs and their memory by NVML, found by UUID and never by index: CUDA may count in another order.

NVML stays initialised until the process ends, so that no handle outlives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pynvml  # type: ignore[import-untyped]

from bench.errors import Unsupported
from bench.record import Flag

__all__ = ["DeviceMemory", "Gpu", "NvmlDevice", "driver_version", "list_gpus"]

# A driver too old for a call raises the second, which is not one of the first.
_ERRORS = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine."""

    uuid: str
    name: str
    memory_bytes: int | None
    """None where NVML does not say (memory shared with the host)."""


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """The whole device at one moment, other processes included, in bytes."""

    used_bytes: int
    reserved_bytes: int | None
    """Held by the driver; `used_bytes` contains it by "nvml-v1" only, which does not tell it apart."""
    total_bytes: int
    method: Literal["nvml-v2", "nvml-v1"]


class NvmlDevice:
    """One GPU that never raises: what NVML does not answer is None, and `flag` says why."""

    def __init__(self, uuid: str) -> None:
        """Find the GPU, and which version of the memory call it answers."""
        self.flag: Flag | None = None
        self._handle: Any = None
        self._read = _memory_v2
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            self._read = _answering(self._handle)
        except _ERRORS as error:
            self._give_up(error)

    def memory(self) -> DeviceMemory | None:
        """Read the memory now; None from the first failure on."""
        if self.flag is not None:
            return None
        try:
            return self._read(self._handle)
        except _ERRORS as error:
            self._give_up(error)
            return None

    def _give_up(self, error: Exception) -> None:
        message = f"NVML stopped answering ({_name(error)}): what it says of GPU memory is missing or incomplete"
        self.flag = Flag(code="nvml", message=message)


def list_gpus() -> list[Gpu]:
    """List the GPUs that answer, in PCI order.

    Raises:
        Unsupported: NVML does not answer; the message says why.

    """
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except _ERRORS as error:
        msg = f"NVML does not answer ({_name(error)})"
        raise Unsupported(msg) from error
    found = (_describe(index) for index in range(count))
    return [gpu for gpu in found if gpu is not None]


def driver_version() -> str | None:
    """Give the version of the NVIDIA driver, None where there is none."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except _ERRORS:
        return None


def _describe(index: int) -> Gpu | None:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        uuid, name = pynvml.nvmlDeviceGetUUID(handle), pynvml.nvmlDeviceGetName(handle)
    except _ERRORS:  # lost: out of the pool, and the others stay in
        return None
    memory = NvmlDevice(uuid).memory()
    return Gpu(uuid=uuid, name=name, memory_bytes=memory.total_bytes if memory else None)


def _answering(handle: Any) -> Any:
    try:
        _memory_v2(handle)
    except _ERRORS:
        _memory_v1(handle)
        return _memory_v1
    return _memory_v2


def _memory_v2(handle: Any) -> DeviceMemory:
    info = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    return DeviceMemory(info.used, info.reserved, info.total, "nvml-v2")


def _memory_v1(handle: Any) -> DeviceMemory:
    info = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return DeviceMemory(info.used, None, info.total, "nvml-v1")


def _name(error: Exception) -> str:
    """Name an error without asking the library that just failed."""
    return type(error).__name__.removeprefix("NVMLError_")
