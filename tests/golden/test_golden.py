"""Nothing that is made of stored runs, stored files and fresh tiny runs has changed since the expected files were written.

Where a change is intended: `python -m tests.golden.renew`, and look at the diff.
The stored runs and files were measured once and are never made again: they are also what later versions must read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.golden.made import EXPECTED, STRATEGIES, file_of, fresh, gates, reports

if TYPE_CHECKING:
    from collections.abc import Iterator

STORED = sorted(
    str(path.relative_to(EXPECTED)) for kind in ("numbers", "words", "gate") for path in EXPECTED.glob(f"{kind}/*")
)
RELATIVE = {"float32": 1e-5, "bfloat16": 0.02}
"""By which losses differ between processors: they sum in another order, and not all of them have bf16."""


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Make all texts of stored runs and files."""
    return reports() | gates()


@pytest.mark.parametrize("name", STORED)
def test_what_is_made_of_stored_runs_and_files(made: dict[str, str], name: str) -> None:
    assert made[name] == (EXPECTED / name).read_bytes().decode()


def test_every_text_is_compared_with_an_expected_file(made: dict[str, str]) -> None:
    fresh_runs = {str(path.relative_to(EXPECTED)) for path in EXPECTED.glob("fresh/*")}

    assert set(made) == set(STORED)
    assert fresh_runs == set(map(file_of, STRATEGIES))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fresh_runs(strategy: str) -> None:
    expected = json.loads((EXPECTED / file_of(strategy)).read_text(encoding="utf-8"))

    run = fresh(strategy)

    relative = RELATIVE[expected["compute_dtype"]]
    assert _losses(run) == pytest.approx(_losses(expected), rel=relative)
    assert run == expected


def _losses(run: dict[str, Any]) -> list[float]:
    """Take the losses out of a run."""
    points = [run["evaluation"], *run["curve"]]
    return [run.pop("initial_loss"), *run.pop("losses"), *(point.pop("loss") for point in points)]
