"""Memory of a process from the kernel's counters; None where there is no `/proc`."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

__all__ = [
    "anonymous_bytes",
    "available_bytes",
    "code_bytes",
    "file_bytes",
    "oom_kills",
    "peak_bytes",
    "release_free_memory",
    "reset_peak",
    "resident_bytes",
    "swapped_bytes",
]

_RESET_PEAK = "5"
"""What `proc_pid_clear_refs(5)` takes as "set the peak resident set size to the current one"."""


def peak_bytes(pid: int | None = None) -> int | None:
    """Return the peak resident size of the process (None: this one) since its start or the last reset."""
    return _status_bytes(pid, "VmHWM:")


def resident_bytes(pid: int | None = None) -> int | None:
    """Return the resident size of the process (None: this one)."""
    return _status_bytes(pid, "VmRSS:")


def anonymous_bytes() -> int | None:
    """Return the resident anonymous memory of this process: not backed by a file."""
    return _status_bytes(None, "RssAnon:")


def file_bytes() -> int | None:
    """Return the resident memory of mapped files: libraries, and weights that were not written to."""
    return _status_bytes(None, "RssFile:")


def code_bytes() -> int | None:
    """Return the resident memory of programs and libraries: mapped files of which a part is executable.

    They are loaded page by page as their code is first used.
    """
    resident: dict[str, int] = {}
    executable, path = set(), ""
    for line in _lines(Path("/proc/self/smaps")):
        first, *rest = line.split(maxsplit=5)
        if not first.endswith(":"):  # a mapping: its addresses, permissions, offset, device, inode and file
            path = rest[4] if len(rest) > 4 else ""  # noqa: PLR2004
            if path.startswith("/") and "x" in rest[0]:
                executable.add(path)
        elif first in ("Rss:", "Anonymous:"):  # the latter is the process' own copy of what it has written to
            resident[path] = resident.get(path, 0) + (1 if first == "Rss:" else -1) * int(rest[0])
    return 1024 * sum(resident.get(path, 0) for path in executable) if resident else None


def swapped_bytes() -> int | None:
    """Return the memory of this process that is swapped out."""
    return _status_bytes(None, "VmSwap:")


def release_free_memory() -> None:
    """Return memory that the C library has freed but kept to the kernel, so that it does not count as in use."""
    with suppress(AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> bool:
    """Reset the peak resident size of this process; False where the kernel does not allow it."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def available_bytes(root: Path = Path("/")) -> int | None:
    """Return the memory that programs can still take, of this machine and of our control group: what caches hold gives way."""
    free = _field(root / "proc/meminfo", "MemAvailable:")
    left = [] if free is None else [1024 * free]
    groups = root / "sys/fs/cgroup"
    for group, limit, used in (
        (groups / _own_group(root), "memory.max", "memory.current"),
        (groups, "memory.max", "memory.current"),
        (groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        most, now = _number(group / limit), _number(group / used)
        if most is not None and now is not None:
            left.append(most - now + (_field(group / "memory.stat", "inactive_file") or 0))
    return max(0, min(left)) if left else None


def oom_kills(root: Path = Path("/")) -> int | None:
    """Count the processes killed for lack of memory so far, in our control group or else on the machine."""
    groups = root / "sys/fs/cgroup"
    for counters in (groups / _own_group(root) / "memory.events", groups / "memory.events", root / "proc/vmstat"):
        if (count := _field(counters, "oom_kill")) is not None:
            return count
    return None


def _own_group(root: Path) -> str:
    lines = _lines(root / "proc/self/cgroup")
    return next((line[3:] for line in lines if line.startswith("0::")), "/").lstrip("/")


def _status_bytes(pid: int | None, key: str) -> int | None:
    kibibytes = _field(Path("/proc", "self" if pid is None else str(pid), "status"), key)
    return None if kibibytes is None else kibibytes * 1024


def _field(path: Path, key: str) -> int | None:
    """Read the number after `key` from a file of lines such as `VmHWM:  313 kB`."""
    for line in _lines(path):
        name, *values = line.split()
        if name == key:
            return int(values[0])
    return None


def _number(path: Path) -> int | None:
    """Read the number that is all of a file; None where there is none, or a word such as "max"."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # no such counter here, or the process is gone
        return []
