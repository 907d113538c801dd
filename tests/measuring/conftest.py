"""A stand-in for the NVML library, so that its real binding is tested without a GPU."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pynvml  # type: ignore[import-untyped]
import pytest

SOURCE = Path(__file__).parent / "fake_nvml.c"


class FakeNvml:
    """A compiled stand-in for the NVML library, with two GPUs; what it answers is set by its environment."""

    uuids = ("GPU-00000000-0000-0000-0000-00000000000a", "GPU-00000000-0000-0000-0000-00000000000b")
    total_bytes, reserved_bytes = 8 << 30, 500 << 20

    def __init__(self, library: Path, used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.library, self._used, self._monkeypatch = library, used, monkeypatch
        self.set(used=used, processes=used.with_name("processes"))
        self.use(0)

    def set(self, **settings: object) -> None:
        """Set `FAKE_NVML_*` variables; fake_nvml.c lists them."""
        for name, value in settings.items():
            self._monkeypatch.setenv(f"FAKE_NVML_{name.upper()}", str(value))

    def run_processes(self, *processes: tuple[int, int]) -> None:
        """Say who computes on each GPU from now on: numbers and bytes."""
        self._used.with_name("processes").write_text("".join(f"{pid} {size}\n" for pid, size in processes))

    def use(self, num_bytes: int) -> None:
        """Say how much of each GPU's memory is in use from now on."""
        self._used.write_text(str(num_bytes))


def compile_nvml(directory: Path, *options: str) -> Path:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("needs a C compiler, for a stand-in of the NVML library")
    library = directory / "libnvidia-ml.so.1"
    flags = ("-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wl,-soname,libnvidia-ml.so.1")
    subprocess.run([compiler, *flags, *options, str(SOURCE), "-o", str(library)], check=True)
    return library


def load_nvml(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pynvml use this library in the present process."""
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(library)))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="session")
def nvml_library_without_v2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_nvml(tmp_path_factory.mktemp("nvml-v1"), "-DWITHOUT_V2")


@pytest.fixture
def fake_nvml(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    load_nvml(nvml_library, monkeypatch)
    return FakeNvml(nvml_library, tmp_path / "used", monkeypatch)


@pytest.fixture
def old_nvml(nvml_library_without_v2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """A driver that does not know the second version of the memory call."""
    load_nvml(nvml_library_without_v2, monkeypatch)
    return FakeNvml(nvml_library_without_v2, tmp_path / "used", monkeypatch)
