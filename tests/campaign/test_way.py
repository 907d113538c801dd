"""One way of running the model for all runs: asked for, kept, counted or timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import bench
from bench.campaign.campaign import Campaign
from bench.campaign.way import fastest_way, is_open, with_way, with_way_of
from bench.errors import UsageError
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.experiment.ways import WAYS
from bench.protocol import DataRead, Tried
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.campaign.one_by_one import OneByOne
from tests.campaign.test_halving import Listening
from tests.conftest import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.experiment.ways import Way
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    MakeRecord = Callable[..., RunRecord]
    Times = Mapping[Way, Sequence[float]]

PACKED = {"packed-varlen": (1.0, 1.1, 1.0), "packed-spread": (2.0, 2.0, 2.0)}


@pytest.mark.parametrize(
    ("rows", "way"),
    [
        ((0.5, 0.6, 0.5), "rows"),
        ((0.98, 1.0, 0.98), "packed-varlen"),
        ((0.5, 0.5, 1.0), "packed-varlen"),
        ((0.96, 1.06, 0.96), "rows"),
    ],
)
def test_packs_give_way_to_what_is_faster_by_more_than_3_percent_in_every_turn(
    rows: tuple[float, ...], way: Way
) -> None:
    assert fastest_way({"full": {**PACKED, "rows": rows}}) == way


def test_the_sum_over_strategies_decides_among_ways_that_all_have() -> None:
    slow = {"packed-varlen": (9.0,) * 3, "rows": (9.9,) * 3}
    assert fastest_way({"full": {**PACKED, "rows": (0.5,) * 3}, "freeze": slow}) == "packed-varlen"
    assert fastest_way({"full": PACKED, "freeze": {"packed-spread": (1.0,) * 3, "rows": (0.1,) * 3}}) == "packed-spread"
    assert fastest_way({"full": PACKED, "freeze": {}}) is None


def test_the_least_of_those_that_are_faster_is_taken() -> None:
    assert fastest_way({"full": {**PACKED, "rows": (0.5,) * 3, "padded": (0.4,) * 3}}) == "padded"


def test_runs_that_are_done_say_the_way_and_older_ones_none(make_record: MakeRecord) -> None:
    specs = [make_record(seed=1).spec]
    failed, packed = make_record(status="failed"), make_record()
    by_rows = packed.model_copy(update={"spec": packed.spec.model_copy(update={"way": "rows"})})
    assert with_way_of(specs, [failed, by_rows]) == with_way(specs, "rows")
    assert with_way_of(with_way(specs, "padded"), [by_rows]) == with_way(specs, "padded")
    assert with_way_of(specs, [packed]) == tuple(specs)
    assert is_open(specs, [failed])
    assert not is_open(specs, [packed])
    assert not is_open(with_way(specs, "rows"), [])


class Gpu(OneByOne):
    """Carries out requests without any work; tells of each strategy how long ways took, if it is asked."""

    def __init__(self, make_record: MakeRecord, times: Mapping[str, Times], way: Way | None = None) -> None:
        self._make, self._times, self._way = make_record, times, way
        self.asked: list[Request] = []

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        self.asked.append(request)
        name, record = request.spec.name, self._make()
        failed = request.mode == "dry" and name not in self._times
        if request.mode == "prepare":
            on_message(DataRead(data=DATA, way=self._way))
        elif request.mode == "dry" and not failed:
            sizes = {"step_seconds": 1, "step_tokens": 1, "train_tokens": 1, "eval_tokens": 1, "peak_bytes": None}
            on_message(Tried(**sizes, ways=self._times[name] if request.ways else {}))
        ended: dict[str, Any] = {"status": "failed", "reason": "no", "measured": None} if failed else {}
        return record.model_copy(update={"spec": request.spec, **ended})


def carry_out(tmp_path: Path, gpu: Gpu, device: str, **more: Any) -> list[RunRecord]:
    settings = Settings(strategies="full,freeze,lora", seeds=2, **more)
    with Store.open(tmp_path, resume=True) as store:
        specs = with_way_of(matrix(settings, device), store.read_all())
        Campaign(specs, store, gpu, Listening(), way_is_forced=settings.way is not None).carry_out()
        return store.read_all()


def test_on_a_gpu_dry_steps_time_ways_and_all_runs_take_the_fastest_the_failed_too(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    times: dict[str, Times] = {name: {**PACKED, "rows": (0.5,) * 3} for name in ("full", "freeze")}
    gpu = Gpu(make_record, times)
    records = carry_out(tmp_path, gpu, "cuda")
    assert len(records) == 6
    assert {record.spec.way for record in records} == {"rows"}
    assert [request.ways for request in gpu.asked if request.mode == "dry"] == [WAYS] * 3
    assert {record.spec.name: record.ways for record in records} == {**times, "lora": None}
    assert {request.spec.way for request in gpu.asked if request.mode == "run"} == {"rows"}

    again = Gpu(make_record, {**times, "lora": PACKED})
    assert {record.spec.way for record in carry_out(tmp_path, again, "cuda")} == {"rows"}
    assert {(request.spec.name, request.spec.way, request.ways) for request in again.asked} == {("lora", "rows", ())}


def test_on_a_cpu_preparing_says_the_way_and_nothing_is_timed(make_record: MakeRecord, tmp_path: Path) -> None:
    cpu = Gpu(make_record, dict.fromkeys(("full", "freeze", "lora"), PACKED), "rows")
    assert {record.spec.way for record in carry_out(tmp_path, cpu, "cpu")} == {"rows"}
    assert {request.spec.way for request in cpu.asked if request.mode != "prepare"} == {"rows"}
    assert not any(request.ways or request.way_is_forced for request in cpu.asked)


def test_a_way_that_is_forced_is_neither_counted_nor_timed(make_record: MakeRecord, tmp_path: Path) -> None:
    gpu = Gpu(make_record, dict.fromkeys(("full", "freeze", "lora"), PACKED), "rows")
    assert {record.spec.way for record in carry_out(tmp_path, gpu, "cuda", way="padded")} == {"padded"}
    assert all(request.way_is_forced and not request.ways for request in gpu.asked)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A strategy on a tiny model, in this process."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    model, data = save_tiny_llama(tmp_path / "tiny", num_layers=2), save_toy_reviews(tmp_path / "reviews.csv")
    return {"model": model, "data": data, "steps": 1, "device": "cpu", "in_process": True, "progress": False}


def test_a_comparison_has_one_way_from_the_choice_to_the_report(asked: dict[str, Any], tmp_path: Path) -> None:
    chosen = bench.compare(["full"], **asked, out=tmp_path / "chosen")
    (run,) = chosen.records
    assert run.spec.way == "rows", "a tiny model"
    forced = bench.compare(["full", "freeze+cached"], **asked, out=tmp_path / "forced", way="padded")
    assert {run.spec.way for run in forced.records} == {"padded"}
    full, cached = sorted(forced.records, key=lambda run: run.status)
    assert (full.status, cached.status) == ("ok", "skipped")
    assert "cached stores the output of layers on packs or rows" in str(cached.reason)
    assert not {flag.code for flag in full.flags} & {"not-packed"}
    assert run.measured is not None
    assert full.measured is not None
    assert full.measured.losses == pytest.approx(run.measured.losses, rel=1e-5)

    both = bench.load(tmp_path / "chosen", tmp_path / "forced")
    assert len(both.comparisons) == 2
    (said,) = (warning for warning in both.warnings if "way" in warning)
    assert said == (
        "What stands apart differs in way (rows and padded for full; padded for freeze+cached; measure the others again "
        "with --way rows)."
    )

    with pytest.raises(UsageError, match=r"differ in way \(rows and padded for full"):
        bench.compare(["full"], **asked, out=tmp_path / "chosen", way="padded", resume=True)
    with pytest.raises(UsageError, match="Did you mean padded"):
        bench.compare(["full"], **asked, out=tmp_path / "other", way="paded")
