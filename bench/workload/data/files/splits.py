"""Assigns the files of a local data set to splits: by their names, its card, or what `datasets` saved."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import DataError
from bench.workload.data.files.saved import STATE, card_files, configurations, pick_subset, saved_files, saved_splits
from bench.workload.data.files.table import refusal
from bench.workload.file_kinds import COMPRESSIONS, KINDS, kind_of, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["local_files"]

SPLITS = {"train", "training", "validation", "valid", "val", "dev", "eval", "evaluation", "test", "testing"}
"""Names of splits, for folders and the files in them."""
DEEPEST = 4
"""How deep folders are searched."""
_NO_DATA = {"config.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json", STATE}
"""Files with data about the data set, not rows of it."""
_SHARD = re.compile(r"(?P<split>.+?)[-_.](?P<number>\d+)[-_.]of[-_.](?P<total>\d+)([-_.][0-9a-f]{8,})?")
_SHEETS = {".xls", ".xlsx", ".ods"}


def local_files(dataset: str, subset: str | None = None) -> dict[str, tuple[Path, ...]]:
    """Return the files of each split of a local data set; empty where there is nothing local.

    A single file is the split "train". In a folder, every data file is the split of its name, train.csv or
    test.csv, and so is every folder with data files, train/. Parts of a split, train-00000-of-00002.parquet,
    are one split, and all of them must be there. A folder that `save_to_disk` wrote, or with a card that
    names files, defines its splits itself.

    Raises:
        DataError: there are no such files, one is missing, or several files claim to be one split.
        UnknownName: a folder has no subset of that name.

    """
    try:
        path = Path(dataset).expanduser()
    except RuntimeError:  # ~nobody
        return {}
    found: dict[str, tuple[Path, ...]] | None
    found = {"train": (_single(path),)} if path.is_file() else saved_splits(path) if path.is_dir() else {}
    if found and subset is not None:
        raise DataError(f"{path} holds one data set; leave --subset out")
    if found is not None:
        return found
    found = _by_card(path, subset) or _by_name(path, subset)
    if not found:
        raise DataError(f"{path} holds no split; name its files train.csv, test.csv and so on (or {', '.join(KINDS)})")
    return found


def _single(file: Path) -> Path:
    if kind_of(file) is None:
        advice = "save it as CSV" if file.suffix.lower() in _SHEETS else f"give one of {', '.join(KINDS)}"
        packed = "" if file.suffix.lower() in _SHEETS else f" (packed: {', '.join(COMPRESSIONS)})"
        raise DataError(f"{file} is no data file that can be read; {advice}{packed}")
    shard = _SHARD.fullmatch(stem_of(file))
    if shard and int(shard["total"]) > 1:
        raise DataError(f"{file} is one of the {int(shard['total'])} parts of a split; give the folder that holds all")
    return file


def _by_card(folder: Path, subset: str | None) -> dict[str, tuple[Path, ...]] | None:
    """Return the splits of the configuration that a card names; None without one."""
    known = configurations(folder)
    if not known:
        return None
    marked = [name for name, entry in known.items() if entry.get("default") is True or name == "default"]
    entry = known[pick_subset(subset, known, str(folder), default=marked[0] if marked else None)]
    if not entry.get("data_files"):
        return _by_name(folder / str(entry.get("data_dir") or ""), subset=None)
    return {split: _whole(files, folder) for split, files in card_files(folder, entry)}


def _by_name(folder: Path, subset: str | None) -> dict[str, tuple[Path, ...]]:
    """Return the splits of a folder by the names of its files and folders."""
    subsets: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for file in _walk(folder):
        parts = [part for part in file.relative_to(folder).parent.parts if part.lower() != "data"]
        named, split = _place(parts, file)
        subsets[named][split].append(file)
    if "" in subsets and subset is None:
        chosen = ""
    elif subsets:
        chosen = pick_subset(subset, filter(None, subsets), str(folder))
    else:
        return {}
    for split, files in subsets[chosen].items():
        _check_one_form(split, files, folder)
    return {split: _whole(files, folder) for split, files in subsets[chosen].items()}


def _walk(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the data files of a folder and of the folders in it."""
    if (folder / STATE).is_file():
        yield from saved_files(folder)
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name in _NO_DATA:
            continue
        if path.is_dir():
            if depth < DEEPEST:
                yield from _walk(path, depth + 1)
        elif kind_of(path):
            if not path.is_file():
                raise refusal(path, None, "it is a link that leads nowhere")
            yield path


def _place(folders: list[str], file: Path) -> tuple[str, str]:
    """Return the subset ("" for the folder itself) and the split of a file by the folders that it is in."""
    shard = _SHARD.fullmatch(stem_of(file))
    own = shard["split"] if shard else stem_of(file)
    if not folders:
        return "", own
    place = next((place for place, name in enumerate(folders) if name.lower() in SPLITS), None)
    if place is not None:
        if own.lower() in SPLITS and own.lower() != folders[place].lower():
            raise refusal(file, None, f"it is {own} by its name and {folders[place]} by its folder; rename one")
        return "/".join(folders[:place]), folders[place]
    if own.lower() in SPLITS:
        return "/".join(folders), own
    return "/".join(folders[:-1]), folders[-1]


def _whole(files: Iterable[Path], folder: Path) -> tuple[Path, ...]:
    """Return the files of a split in order: all of its parts, each once."""
    first: dict[tuple[Path, str], Path] = {}
    parts: dict[tuple[Path, str], dict[int, Path]] = defaultdict(dict)
    totals: dict[tuple[Path, str], int] = {}
    for file in files:
        shard = _SHARD.fullmatch(stem_of(file))
        number, total = (int(shard["number"]), int(shard["total"])) if shard else (0, 1)
        family = file.parent, shard["split"] if shard else stem_of(file)
        other = parts[family].setdefault(number, file)
        if other is not file or totals.setdefault(family, total) != total:
            raise _twice(folder, first[family] if other is file else other, file)
        first.setdefault(family, file)
    for family, found in parts.items():
        total = totals[family]
        start = min(found) if len(found) == total else 0  # parts are numbered from 0 or from 1
        if missing := [number for number in range(start, start + total) if number not in found]:
            why = f"{len(missing)} of the {total} parts of {family[1]} are missing, the first is number {missing[0]}"
            raise refusal(folder, None, f"{why}; copy them again")
    return tuple(file for found in parts.values() for _, file in sorted(found.items()))


def _check_one_form(split: str, files: Iterable[Path], folder: Path) -> None:
    """Refuse a split that is both a file of its name and a folder, or in two places: one may be a copy."""
    forms: dict[object, Path] = {}
    for file in files:
        is_inside = split in file.relative_to(folder).parent.parts
        other = forms.setdefault(
            "folder" if is_inside else (file.parent, _SHARD.fullmatch(stem_of(file)) is None), file
        )
        if len(forms) > 1:
            raise _twice(folder, next(iter(forms.values())), other)


def _twice(folder: Path, one: Path, other: Path) -> DataError:
    names = [str(file.relative_to(folder)) for file in (one, other)]
    return DataError(f"{folder} holds {names[0]} and {names[1]} for one split; keep one of them")
