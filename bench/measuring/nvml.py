"""GPUs as NVML reports them, found by UUID and never by index, since CUDA may count in another order.

NVML stays initialised until the process ends, so that no handle outlives it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pynvml  # type: ignore[import-untyped]

from bench.errors import Unsupported
from bench.measuring.timeouts import DRIVER_TIMEOUT_SECONDS, call_within
from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DeviceMemory", "DeviceProcess", "DeviceState", "Gpu", "NvmlDevice", "driver_version", "list_gpus"]

# A driver too old for a call raises the second, which is not one of the first.
_ERRORS = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Memory of the whole device at one moment, other processes included, in bytes."""

    used_bytes: int
    reserved_bytes: int | None
    """Held by the driver; contained in `used_bytes` only with "nvml-v1", which does not report it by itself."""
    method: Literal["nvml-v2", "nvml-v1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """Power, clock and the like at one moment; None where NVML does not report it."""

    power_watts: float | None = None
    sm_clock_mhz: float | None = None
    temperature_celsius: float | None = None
    utilisation: float | None = None
    event_reasons: int | None = None
    """Why the clocks are as they are: bits of `nvmlClocksEventReason*`."""


@dataclass(frozen=True, slots=True)
class DeviceProcess:
    """A process with a context on the device. In a container, its pid may be the host's."""

    pid: int
    used_bytes: int | None


class NvmlDevice:
    """Reads one GPU and never raises: what NVML refused once is None from then on, and `flags` say why."""

    def __init__(self, uuid: str) -> None:
        """Find the GPU, and the version of the memory call that it supports."""
        self._is_slice = uuid.startswith("MIG-")
        self._handle: Any = None
        self._failure: Exception | None = None
        self._refused: dict[str, str] = {}
        self._read: Callable[[Any], DeviceMemory] = _memory_v2
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except _ERRORS as error:
            self._failure = error
        if self._failure is None:
            self._read = self._ask("memory", _answering) or _memory_v2

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What NVML refused, and why."""
        flags = []
        if self._failure is not None:
            message = f"NVML does not answer ({_name(self._failure)}): memory, clocks and power of the GPU are unknown"
            flags.append(Flag(code="nvml-unavailable", message=message))
        if self._is_lost:
            message = "the GPU was lost during the run (GpuIsLost): what NVML says of it ends there"
            flags.append(Flag(code="gpu-lost", message=message))
        elif self._refused:
            questions = ", ".join(f"{question} ({name})" for question, name in tuple(self._refused.items()))
            flags.append(Flag(code="nvml-error", message=f"NVML stopped answering, or never did, on {questions}"))
        if self._is_slice:
            message = "the device is a slice of a GPU (MIG): power, energy and clocks are of the whole, and not read"
            flags.append(Flag(code="mig-slice", message=message))
        return tuple(flags)

    def memory(self) -> DeviceMemory | None:
        """Read the memory now, in about 10 microseconds."""
        return self._ask("memory", self._read)

    def state(self) -> DeviceState:
        """Read power, clock and the like now; all None for a slice of a GPU (MIG)."""
        if self._is_slice:
            return DeviceState()
        milliwatts = self._ask("power", pynvml.nvmlDeviceGetPowerUsage)
        rates = self._ask("utilisation", pynvml.nvmlDeviceGetUtilizationRates)
        return DeviceState(
            power_watts=None if milliwatts is None else milliwatts / 1000,
            sm_clock_mhz=self._ask("clocks", lambda it: pynvml.nvmlDeviceGetClockInfo(it, pynvml.NVML_CLOCK_SM)),
            temperature_celsius=self._ask(
                "temperature", lambda it: pynvml.nvmlDeviceGetTemperature(it, pynvml.NVML_TEMPERATURE_GPU)
            ),
            utilisation=None if rates is None else rates.gpu / 100,
            event_reasons=self._ask("event reasons", _event_reasons),
        )

    def energy_joules(self) -> float | None:
        """Read the counter of the energy used since the driver was loaded."""
        millijoules = None if self._is_slice else self._ask("energy", pynvml.nvmlDeviceGetTotalEnergyConsumption)
        return None if millijoules is None else millijoules / 1000

    def processes(self) -> tuple[DeviceProcess, ...] | None:
        """List the processes on the device; takes milliseconds and delays all kernel launches meanwhile."""
        found = self._ask("processes", _processes)
        return None if found is None else tuple(DeviceProcess(it.pid, it.usedGpuMemory) for it in found)

    @property
    def _is_lost(self) -> bool:
        return "GpuIsLost" in self._refused.values()

    def _ask(self, question: str, call: Callable[[Any], T]) -> T | None:
        """Call NVML, unless this was refused before."""
        if self._failure is not None or self._is_lost or question in self._refused:
            return None
        try:
            return call(self._handle)
        except _ERRORS as error:
            self._refused[question] = _name(error)
            return None


def list_gpus() -> list[Gpu]:
    """List the GPUs that NVML can read, in PCI order.

    Raises:
        Unsupported: NVML does not respond; the message says why.

    """
    try:
        return call_within(DRIVER_TIMEOUT_SECONDS, _list_gpus)
    except (*_ERRORS, TimeoutError) as error:
        raise Unsupported(f"NVML does not answer ({_name(error)})") from error


def driver_version() -> str | None:
    """Return the version of the NVIDIA driver; None where there is none or it does not respond."""
    try:
        return call_within(DRIVER_TIMEOUT_SECONDS, _driver_version)
    except (*_ERRORS, TimeoutError):
        return None


def _list_gpus() -> list[Gpu]:
    pynvml.nvmlInit()
    return [gpu for index in range(pynvml.nvmlDeviceGetCount()) for gpu in _describe(index)]


def _driver_version() -> str:
    pynvml.nvmlInit()
    return str(pynvml.nvmlSystemGetDriverVersion())


def _describe(index: int) -> Iterator[Gpu]:
    with suppress(*_ERRORS):  # a lost GPU is left out
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        yield Gpu(pynvml.nvmlDeviceGetUUID(handle), pynvml.nvmlDeviceGetName(handle))


def _answering(handle: Any) -> Callable[[Any], DeviceMemory]:
    try:
        _memory_v2(handle)
    except _ERRORS:
        _memory_v1(handle)
        return _memory_v1
    return _memory_v2


def _memory_v2(handle: Any) -> DeviceMemory:
    info = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    return DeviceMemory(info.used, info.reserved, "nvml-v2")


def _memory_v1(handle: Any) -> DeviceMemory:
    info = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return DeviceMemory(info.used, None, "nvml-v1")


def _event_reasons(handle: Any) -> int:
    """Call by the present name, or by the one that drivers before 535 know."""
    try:
        reasons = pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle)
    except pynvml.NVMLError_FunctionNotFound:
        reasons = pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    return int(reasons)


def _processes(handle: Any) -> list[Any]:
    """Call the present version, or the one that older drivers know."""
    try:
        return list(pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle))
    except pynvml.NVMLError_FunctionNotFound:
        return list(pynvml.nvmlDeviceGetComputeRunningProcesses_v2(handle))


def _name(error: BaseException) -> str:
    """Return the name of an error without calling the library that just failed."""
    return type(error).__name__.removeprefix("NVMLError_")
