"""Data sets written by `save_to_disk` of `datasets`, and the configurations in a data set's card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.errors import UnknownName
from bench.workload.data.files.table import refusal
from bench.workload.file_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["card_files", "configurations", "pick_subset", "saved_files", "saved_splits"]

STATE = "state.json"


def saved_splits(folder: Path) -> dict[str, tuple[Path, ...]] | None:
    """Return the splits that `save_to_disk` has written; None for any other folder.

    Raises:
        DataError: one of its files is missing.

    """
    if (folder / STATE).is_file():
        return {"train": saved_files(folder)}
    index = folder / "dataset_dict.json"
    if not index.is_file():
        return None
    return {str(split): saved_files(folder / str(split)) for split in _listed(index, "splits")}


def saved_files(folder: Path) -> tuple[Path, ...]:
    """List the files of one saved data set, without those of its cache beside them.

    Raises:
        DataError: one is missing.

    """
    state = folder / STATE
    files = tuple(folder / str(entry["filename"]) for entry in _listed(state, "_data_files"))
    if missing := next((file for file in files if not file.is_file()), None):
        raise refusal(folder, None, f"{missing.name} is missing; save the data set again")
    if _read(state).get("_indices_data_files"):
        raise refusal(folder, None, "an old version of datasets saved it with its indices apart; save it again")
    return files


def _read(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refusal(file, None, "it is missing or damaged; save the data set again") from error
    return read if isinstance(read, dict) else {}


def _listed(file: Path, key: str) -> list[Any]:
    found = _read(file).get(key)
    if not isinstance(found, list) or not found:
        raise refusal(file, None, f"it lists no {key}; save the data set again")
    return found


def configurations(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return the configurations that a data set's card names; empty where there is no card, or it names none.

    Raises:
        DataError: the YAML of the card cannot be read.

    """
    card = folder / "README.md"
    if not card.is_file() or "configs:" not in card.read_text(encoding="utf-8", errors="replace"):
        return {}
    from huggingface_hub import metadata_load  # noqa: PLC0415  (the gate of files does without it)

    try:
        told = metadata_load(card) or {}
        found = {str(entry.get("config_name", "default")): entry for entry in told.get("configs") or ()}
    except Exception as error:  # the errors of the YAML library
        raise refusal(card, None, "its configs cannot be read; mend the card, or remove it") from error
    return found


def pick_subset(subset: str | None, known: Iterable[str], where: str, *, default: str | None = None) -> str:
    """Return the configuration that was asked for, or the default, or the only one.

    Raises:
        UnknownName: it does not exist, or there are several and none was named.

    """
    names = list(known)
    if subset is None and default is None and len(names) > 1:
        listing = ", ".join(names)
        raise refusal(where, None, f"it holds several data sets, {listing}; name one with --subset")
    chosen = subset or default or names[0]
    if chosen not in names:
        raise UnknownName(f"subset of {where}", chosen, names)
    return chosen


def card_files(folder: Path, entry: Mapping[str, Any]) -> Iterator[tuple[str, list[Path]]]:
    """Yield the files of each split of a configuration, by the card's patterns.

    Raises:
        DataError: a pattern names no data file.

    """
    told = entry["data_files"]
    if isinstance(told, str):
        told = [told]
    if isinstance(told, dict):
        told = [{"split": split, "path": paths} for split, paths in told.items()]
    if all(isinstance(pattern, str) for pattern in told):
        told = [{"split": "train", "path": told}]
    base = folder / str(entry.get("data_dir") or "")
    for each in told:
        paths = [each["path"]] if isinstance(each["path"], str) else each["path"]
        files: list[Path] = []
        for pattern in paths:
            found = sorted(file for file in base.glob(str(pattern)) if file.is_file() and kind_of(file))
            if not found:
                raise refusal(folder, None, f"its card names {pattern}, which is no data file here")
            files += (file for file in found if file not in files)
        yield str(each["split"]), files
