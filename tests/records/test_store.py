from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import BenchError, UsageError
from bench.experiment.spec import parse_strategy
from bench.records.file_names import file_name
from bench.records.record import RunRecord
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeRecord = Callable[..., RunRecord]


def test_records_come_back_in_the_order_they_were_started(tmp_path: Path, make_record: MakeRecord) -> None:
    late, early = make_record("full", seed=2), make_record("freeze", seed=1)
    with Store.open(tmp_path / "new" / "results", resume=False) as store:
        for record in (late, early):
            path = store.write(record)
            assert path.parent == tmp_path / "new" / "results" / "runs"

    assert Store(tmp_path / "new" / "results").read_all() == [early, late]
    assert store.warnings == []
    assert not [path for path in store.runs.iterdir() if path.suffix != ".json"]


def test_what_is_refused_leaves_no_directory_behind_but_one_that_was_there_or_holds_a_run(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    def refuse(directory: Path, *records: RunRecord, error: type[BaseException] = UsageError) -> None:
        def fill_and_raise() -> None:
            with Store.open(directory, resume=False) as store:
                store.keep_order(["full"])
                for record in records:
                    store.write(record)
                raise error

        with pytest.raises(error):
            fill_and_raise()

    (tmp_path / "there").mkdir()
    refuse(tmp_path / "new" / "results")
    assert not (tmp_path / "new").exists()
    refuse(tmp_path / "there")
    refuse(tmp_path / "run", make_record("full"))
    refuse(tmp_path / "interrupted", error=KeyboardInterrupt)
    assert all((tmp_path / name / "runs").is_dir() for name in ("there", "run", "interrupted"))


def test_records_come_back_in_the_order_their_strategies_were_asked_for(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    names = ("amp", "full", "llrd", "freeze")
    with Store.open(tmp_path, resume=False) as store:
        store.keep_order(["llrd", "amp"])
        for seed in range(2):
            for name in names:
                store.write(make_record(name, seed=seed))
        known = [(record.spec.name, record.spec.seed) for record in Store(tmp_path).read_all()]
        assert known[:4] == [("llrd", 0), ("llrd", 1), ("amp", 0), ("amp", 1)]
        assert {name for name, _ in known[4:]} == {"full", "freeze"}
        store.keep_order(["full", "amp"])
    assert list(dict.fromkeys(record.spec.name for record in Store(tmp_path).read_all())) == [
        "full", "amp", "llrd", "freeze",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"{", b"{}", b"[1]", b"[" * 100_000, b"\xff", None])
def test_an_order_that_cannot_be_read_is_said_and_left_out(
    tmp_path: Path, make_record: MakeRecord, content: bytes | None
) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record("full"))
    if content is None:
        os.mkfifo(tmp_path / "strategies.json")
    else:
        (tmp_path / "strategies.json").write_bytes(content)
    store = Store(tmp_path)
    assert len(store.read_all()) == 1
    assert "in which order strategies were asked for" in "".join(store.warnings)


def test_runs_are_moved_to_another_directory_whatever_their_files_are_called(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    full, freeze = make_record("full"), make_record("freeze")
    with Store.open(tmp_path, resume=False) as store, Store.open(tmp_path / "other", resume=False) as other:
        store.write(freeze)
        store.write(full).rename(store.runs / "of-an-older-bench.json")
        store.move(other, lambda record: record.spec.name == "full")
        assert (store.read_all(), other.read_all()) == ([freeze], [full])


def test_only_runs_that_ended_well_are_done(tmp_path: Path, make_record: MakeRecord) -> None:
    failed, fine = make_record("full", status="failed"), make_record("freeze")
    with Store.open(tmp_path, resume=False) as store:
        store.write(failed)
        store.write(fine)

        never = make_record("llrd")
        assert store.todo([never.spec, fine.spec, failed.spec]) == [never.spec, failed.spec]


def test_a_run_that_is_tried_again_takes_the_place_of_the_first(tmp_path: Path, make_record: MakeRecord) -> None:
    failed, fine = make_record(status="failed"), make_record()
    with Store.open(tmp_path, resume=False) as store:
        store.write(failed)
        store.write(fine)

        assert store.read_all() == [fine]


def test_the_newest_of_a_spec_wins_whatever_its_file_is_called(tmp_path: Path, make_record: MakeRecord) -> None:
    older = make_record()
    newer = older.model_copy(update={"started_at": older.started_at + timedelta(hours=1)})
    with Store.open(tmp_path, resume=False) as store:
        store.write(newer)
        (store.runs / "zz-copied.json").write_text(older.to_json())

        assert store.read_all() == [newer]


def test_a_directory_with_runs_is_continued_only_on_request(tmp_path: Path, make_record: MakeRecord) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record())

    with pytest.raises(UsageError, match=r"holds 1 runs already; continue them with --resume"):
        Store.open(tmp_path, resume=False)
    with Store.open(tmp_path, resume=True) as again:
        assert again.todo([make_record().spec]) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"a": NaN}', b"[" * 200_000])
def test_a_file_that_is_no_record_is_left_out_and_left_alone(
    tmp_path: Path, make_record: MakeRecord, content: bytes
) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record())
        (store.runs / "foreign.json").write_bytes(content)

        assert store.read_all() == [make_record()]

        store.read_all()

    assert (store.runs / "foreign.json").read_bytes() == content
    assert len(store.warnings) == 1
    assert "foreign.json" in store.warnings[0]


def test_a_record_of_another_version_is_left_out_and_left_alone(tmp_path: Path, make_record: MakeRecord) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record())
        (store.runs / "later.json").write_text('{"schema_version": 99}')
        assert store.read_all() == [make_record()]
    assert (store.runs / "later.json").exists()
    assert "schema version 99" in store.warnings[0]


def test_a_run_again_keeps_the_record_of_another_version(tmp_path: Path, make_record: MakeRecord) -> None:
    with Store.open(tmp_path, resume=False) as store:
        path = store.write(make_record())
        later = path.read_text().replace('"schema_version": 1', '"schema_version": 99')
        assert later != path.read_text()
        path.write_text(later)
        assert store.todo([make_record().spec])
        store.write(make_record())
        assert store.read_all() == [make_record()]
        assert path.with_name(f"{path.name}.1.aside").read_text() == later


def odd_things(runs: Path, record: RunRecord) -> None:
    """Put a dozen things where records lie that are none."""
    whole = json.loads(record.to_json())
    (runs / "directory.json").mkdir()
    (runs / "loop.json").symlink_to("loop.json")
    (runs / "dangling.json").symlink_to("nothing.json")
    os.mkfifo(runs / "pipe.json")
    (runs / "foreign.json").write_text('{"name": "package", "version": "1.0.0"}')
    (runs / "cut.json").write_text(record.to_json()[:500])
    (runs / "empty.json").write_text("")
    (runs / "other.json").write_text('{"schema_version": 99}')
    (runs / "zone.json").write_text(json.dumps(whole | {"started_at": "2026-11-24T09:30:00"}))
    (runs / "status.json").write_text(json.dumps(whole | {"status": 7}))
    (runs / "five.json").write_text(json.dumps(whole).replace('"macro_f1": ', '"macro_f1": 5'))
    (runs / "late.json").write_text(json.dumps(whole | {"wall_seconds": -5}))


def test_odd_things_among_the_runs_are_left_out_with_a_sentence_each_and_left_alone(
    tmp_path: Path, make_record: MakeRecord, bench: Callable[..., tuple[int, str, str]]
) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record())
        store.write(make_record("freeze", step=0.5))
    odd_things(store.runs, make_record("llrd"))

    def listed() -> dict[str, int]:
        return {path.name: path.lstat().st_mtime_ns for path in store.runs.iterdir()}

    before = listed()
    assert [record.spec.name for record in store.read_all()] == ["freeze", "full"]
    for form in ("md", "csv", "json"):
        code, out, said = bench("report", tmp_path, "--format", form)
        assert code == 0
        assert "freeze" in out
        assert "llrd" not in out
    sentences = said.splitlines()
    assert len(sentences) == 12
    assert all("is left out" in sentence for sentence in sentences)
    assert sorted(name for name in before if any(f"/{name} " in sentence for sentence in sentences)) == sorted(
        name for name in before if not name.startswith(("full_", "freeze_"))
    )
    assert listed() == before
    assert store.todo([make_record("llrd").spec])


def test_what_stands_in_the_place_of_a_run_is_kept(tmp_path: Path, make_record: MakeRecord) -> None:
    record = make_record()
    with Store.open(tmp_path, resume=False) as store:
        place = store.runs / file_name(record.spec)
        place.write_text(record.to_json()[:500])
        store.write(record)
        place.unlink()
        place.mkdir()
        store.write(record)
        place.rename(place.with_name("moved.json"))
        place.write_text(make_record("freeze").to_json())
        store.write(record)

        kept = [place.with_name(f"{place.name}.{number}.aside") for number in (1, 2, 3)]
        assert kept[0].read_text() == record.to_json()[:500]
        assert kept[1].is_dir()
        assert RunRecord.from_json(kept[2].read_bytes()) == make_record("freeze")
        assert store.read_all() == [record]
        assert [sum(str(path) in sentence for sentence in store.warnings) for path in kept] == [1, 1, 1]


def test_a_record_is_found_whatever_its_file_is_called(tmp_path: Path, make_record: MakeRecord) -> None:
    """The name holds a digest of what was asked, which a later version spells in more fields."""
    record = make_record()
    with Store.open(tmp_path, resume=False) as store:
        store.write(record).rename(store.runs / "full_smollm2-135m_rotten-tomatoes_0-0123456789ab.json")
        assert store.todo([record.spec]) == []


def test_a_directory_without_runs_has_no_records(tmp_path: Path) -> None:
    assert Store(tmp_path / "absent").read_all() == []
    assert not (tmp_path / "absent").exists()


def test_two_processes_do_not_write_to_one_directory(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from bench.records.store import Store
with Store.open(Path({str(tmp_path)!r}), resume=False):
    print("open", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UsageError, match="another bench is writing to"):
            Store.open(tmp_path, resume=True)
        other.kill()

    Store.open(tmp_path, resume=True).close()


def _refuse(code: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize(("step", "code"), [("os.fsync", errno.ENOSPC), ("pathlib.Path.replace", errno.EROFS)])
def test_a_record_that_cannot_be_written_is_printed(
    tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str], step: str, code: int
) -> None:
    record = make_record()
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record(status="failed"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(step, _refuse(code))
            with pytest.raises(BenchError, match=os.strerror(code)) as caught:
                store.write(record)

        assert str(store.runs) in str(caught.value)
        assert RunRecord.from_json(capsys.readouterr().err) == record
        assert [kept.status for kept in store.read_all()] == ["failed"]
        assert [path.suffix for path in store.runs.iterdir()] == [".json"]


def test_a_full_disk_is_no_reason_to_lose_a_record(make_record: MakeRecord, capsys: pytest.CaptureFixture[str]) -> None:
    """`/dev/full` answers every write as a full disk does."""
    record = make_record()
    store = Store(Path("/dev/full"))

    with pytest.raises(BenchError, match="cannot write to /dev/full/runs"):
        store.write(record)

    assert RunRecord.from_json(capsys.readouterr().err) == record


def test_a_place_that_cannot_be_a_directory_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"cannot write to .*file .*--out"):
        Store.open(tmp_path / "file", resume=False)


def test_runs_that_lead_out_of_the_directory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "runs").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="leads out of"):
        Store(tmp_path / "results")


def test_a_record_that_is_a_link_elsewhere_is_left_out_and_not_touched(tmp_path: Path, make_record: MakeRecord) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{")
    with Store.open(tmp_path / "results", resume=False) as store:
        store.write(make_record())
        (store.runs / "link.json").symlink_to(outside)

        assert store.read_all() == [make_record()]

    assert outside.read_text() == "{"
    assert "leads out of the directory" in store.warnings[0]


def test_a_run_of_an_older_bench_with_another_file_name_is_done_or_replaced(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    done, failed = make_record("full"), make_record("freeze", status="failed")
    with Store.open(tmp_path, resume=False) as store:
        for record in (done, failed):
            (store.runs / f"{record.spec.name}-of-old.json").write_text(record.to_json())
        assert store.todo([done.spec, failed.spec]) == [failed.spec]
        store.write(again := make_record("freeze", started_at=failed.started_at + timedelta(hours=1)))
        assert store.read_all() == [done, again]


def test_a_run_whose_rate_was_written_otherwise_is_done_and_in_its_place(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    record = make_record("full")
    old = json.loads(record.to_json())
    old["spec"]["strategy"][0]["options"] = [["lr", "1e-3"]]
    asked = record.spec.model_copy(update={"strategy": parse_strategy("full:lr=.001")})
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record("freeze"))
        (store.runs / "full-lr-1e-3.json").write_text(json.dumps(old))
        (tmp_path / "strategies.json").write_text('["full:lr=1e-3", "not a name", "freeze"]')
        assert store.todo([asked]) == []
        assert [one.spec.name for one in store.read_all()] == ["full:lr=0.001", "freeze"]
