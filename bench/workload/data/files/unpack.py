"""Reads the bytes of data files, and unpacks compressed ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING

import pyarrow as pa

from bench.errors import first_line
from bench.workload.data.files.table import refusal
from bench.workload.file_kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["read_bytes"]


def read_bytes(file: Path) -> tuple[bytes, str]:
    """Read a data file, unpacked, and return its kind, which for a zip file is that of its member.

    Raises:
        DataError: it cannot be read or unpacked, or is a zip file of several files.

    """
    kind = kind_of(file)
    try:
        data = file.read_bytes()
        if file.suffix.lower() == ".zip":
            return _only_member(file, kind)
        if unpack := _UNPACK.get(file.suffix.lower()):
            data = unpack(data)
    except _BROKEN as error:
        raise refusal(file, None, f"{first_line(error)}; is it whole?") from error
    except OSError as error:
        raise refusal(file, None, error.strerror or first_line(error)) from error
    assert kind is not None, f"{file} is no data file"
    return data, kind


def _only_member(file: Path, kind: str | None) -> tuple[bytes, str]:
    with zipfile.ZipFile(file) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            raise refusal(file, None, f"it holds {len(members)} files, not one; unpack it and give the folder")
        inner = PurePath(members[0].filename).suffix.lower()
        told = inner if inner in KINDS else kind
        if told in {None, ".zip"}:
            raise refusal(file, None, f"{members[0].filename} in it is no data file; give one of {', '.join(KINDS)}")
        try:
            return archive.read(members[0]), str(told)
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unusual compression
            raise refusal(file, None, f"{first_line(error)}; unpack it") from error


def _zstd(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        unpacked: bytes = stream.read()
    return unpacked


_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": _zstd,
    ".zip": bytes,  # handled by `_only_member`
}
"""Unpacks the contents of a file, by suffix: each of `COMPRESSIONS`."""
_BROKEN = (EOFError, ValueError, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
