"""The Python face as `import bench` offers it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import bench
from bench.errors import UnknownName
from bench.experiment import spec
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"torch", "pandas", "pydantic", "numpy", "rich", "typer", "datasets", "transformers"}


def test_importing_it_imports_nothing_that_takes_time() -> None:
    code = "import sys; before = set(sys.modules); import bench; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "bench" in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert [name for name in loaded if name.startswith("bench")] == ["bench"]


def test_it_names_what_it_offers() -> None:
    assert set(bench.__all__) <= set(dir(bench))
    assert bench.RunSpec is spec.RunSpec
    assert bench.__version__ == version("finetune-bench")
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        bench.compair  # noqa: B018  (reading it is what is tested)


def test_no_function_is_shadowed_by_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each works twice where every module of the package has been imported: a module would stand in its place."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    model, data = save_tiny_llama(tmp_path / "tiny"), save_toy_reviews(tmp_path / "reviews.csv")
    modules = {module.name for module in pkgutil.walk_packages(bench.__path__, "bench.")}
    of_extras = {"bench.executors.ray"} if find_spec("ray") is None else set()
    for name in modules - {"bench.__main__"} - of_extras:
        importlib.import_module(name)
    assert not {f"bench.{name}" for name in bench.__all__} & modules
    for turn in range(2):
        assert "full" in bench.strategies().index
        out = tmp_path / str(turn)
        quickly = {"device": "cpu", "steps": 1, "in_process": True, "progress": False, "forecast": False}
        result = bench.compare(["full"], model=model, data=data, out=out, **quickly)
        assert isinstance(result, bench.Result)
        pd.testing.assert_frame_equal(bench.load(out).table, result.table)
        with pytest.raises(UnknownName, match="Did you mean full"):
            bench.compare(["ful"], model=model, data=data)
