from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.workload.models.gguf import converted
from bench.workload.models.places import needs_conversion

if TYPE_CHECKING:
    from pathlib import Path


def test_a_changed_gguf_file_is_converted_again(tiny_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(tiny_gguf, path)
    first = converted(path)
    assert not needs_conversion(str(path))
    path.touch()
    assert needs_conversion(str(path))
    assert converted(path) != first


def test_a_gguf_file_that_is_yet_to_be_fetched_needs_conversion_and_a_folder_does_not(tiny_model: Path) -> None:
    names = ("smollm2-135m", "minilm-l6", "owner/name", str(tiny_model))
    assert [needs_conversion(name) for name in names] == [True, False, False, False]
