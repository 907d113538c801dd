from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError, WrapValidator

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.analysis.provenance import reproduce, settings
from bench.errors import RecordError
from bench.records.comparability import in_words, mismatches
from bench.records.metrics import METRICS
from bench.records.readings import MemoryParts, PhasePeak, Work
from bench.records.record import Flag, Memory, RunRecord
from bench.records.store import Store
from bench.records.tuning import Tuning, TuningTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeRecord = Callable[..., RunRecord]

LATER = "settings that this version of bench does not know"
FIRST = Path(__file__).parent / "fixtures" / "schema_1"
"""A comparison as the first version of the schema kept it: records, and comparison.csv as its report said it."""


def read(record: RunRecord, change: Callable[[dict[str, Any]], object]) -> RunRecord:
    """Write a record, change its JSON, and read it."""
    content = json.loads(record.to_json())
    change(content)
    return RunRecord.from_json(json.dumps(content))


def test_the_records_of_the_first_schema_are_reported_as_they_were(
    tmp_path: Path, bench: Callable[..., tuple[int, str, str]]
) -> None:
    shutil.copytree(FIRST / "runs", tmp_path / "runs")
    code, table, said = bench("report", tmp_path, "--format", "csv")
    assert (code, said) == (0, "")
    (tmp_path / "comparison.csv").write_text(table)
    key, numbers = ["strategy", "metric"], ["estimate", "relative", "low", "high"]
    before, now = (pd.read_csv(place / "comparison.csv").set_index(key) for place in (FIRST, tmp_path))
    known = before[before.index.get_level_values("metric").isin(METRICS)]
    assert len(known) >= 40
    columns = ["status", "num_seeds", "compared_as", "method"]
    assert known[columns].equals(now.loc[known.index, columns])
    pd.testing.assert_frame_equal(known[numbers], now.loc[known.index, numbers], rtol=1e-9)
    added = now.drop(known.index, errors="ignore").drop(
        "eval_samples_per_second", level="metric"
    )  # follows from eval_seconds
    assert added["estimate"].isna().all(), "what is measured since was not measured then"


def test_what_a_record_does_not_know_is_not_measured_and_not_compared() -> None:
    def forget(content: dict[str, Any]) -> None:
        if content["spec"]["strategy"][0]["name"] == "freeze":
            del content["measured"]["work"], content["measured"]["memory"]["parts"]

    work = Work(step_flops=1e9, flops_per_second=1e10, matmul_flops_per_second=2e10, mfu=0.5)
    known = [record.model_copy(update={"measured": record.measured.model_copy(update={"work": work})})
             for record in Store(FIRST).read_all() if record.measured]  # fmt: skip
    results = {
        result.strategy: result for result in compare([read(record, forget) for record in known], "full").results
    }
    assert results["full"].means["mfu"] == 0.5
    for metric in ("mfu", "flops_per_second", "weights_bytes"):
        assert results["freeze:last=1"].means[metric] is None
        assert results["freeze:last=1"].relative[metric] is None
    assert results["freeze:last=1"].relative["samples_per_second"] is not None


def add_everywhere(content: object) -> None:
    """Add a field to every part, as a later version does."""
    if isinstance(content, dict):
        content["of_a_later_version"] = "7"
        for part in content.values():
            add_everywhere(part)
    elif isinstance(content, list):
        for part in content:
            add_everywhere(part)


def test_fields_of_a_later_version_are_no_hindrance_wherever_they_stand() -> None:
    known = Store(FIRST).read_all()
    later = [read(record, add_everywhere) for record in known]
    before, now = compare(known, rank_suspect=True), compare(later, rank_suspect=True)
    assert now.headline == before.headline
    assert [result.means for result in now.results] == [result.means for result in before.results]
    assert settings(now)[LATER] == 'of_a_later_version "7", of_a_later_version "7", of_a_later_version "7"'
    assert reproduce(now) == "", "no command of this version asks for these runs"
    assert reproduce(before).endswith("--epochs 2 --batch-size 4 --lr 0.001 --device cpu")


def test_runs_of_several_versions_are_shown_together_where_that_is_asked_for(make_record: MakeRecord) -> None:
    later = read(make_record("freeze"), lambda content: content["spec"].update(pack="all"))
    for records in ([make_record("full"), later], [later, make_record("full")]):
        mixed = compare(records, allow_mismatch=True)
        assert 'pack "all" for freeze' in mixed.warnings[0]
        assert "none for full" in mixed.warnings[0]
        assert 'pack "all"' in settings(mixed)[LATER]
        assert len(split([records])) == 2


@pytest.mark.parametrize("where", ["spec", "workload"])
def test_a_setting_that_is_not_known_is_no_equal_of_none(make_record: MakeRecord, where: str) -> None:
    def ask(value: object) -> Callable[[dict[str, Any]], None]:
        def change(content: dict[str, Any]) -> None:
            spec = content["spec"]
            (spec if where == "spec" else spec["workload"])["pack"] = value

        return change

    full, freeze = make_record("full"), make_record("freeze")
    later = read(freeze, ask({"rows": [1]}))
    said = 'settings that this version of bench does not know (none for full; pack {"rows": [1]} for freeze)'
    assert in_words(mismatches([full, later])) == said
    assert compare([full, later]).form == "invalid"
    assert not mismatches([read(full, ask("all")), read(freeze, ask("all"))])
    assert mismatches([read(full, ask("all")), read(freeze, ask("few"))])
    assert not mismatches([full, read(freeze, ask(None))]), "null asks for nothing"
    assert later.spec != freeze.spec


def test_runs_that_a_later_version_was_asked_for_are_not_done(tmp_path: Path, make_record: MakeRecord) -> None:
    record = make_record()
    content = json.loads(record.to_json())
    content["spec"]["pack"] = "all"
    with Store.open(tmp_path, resume=False) as store:
        (store.runs / "later.json").write_text(json.dumps(content))
        assert store.todo([record.spec]) == [record.spec]
        store.write(record)
        assert len(store.read_all()) == 2


def test_a_part_with_a_word_of_a_later_version_is_not_measured(make_record: MakeRecord) -> None:
    record = make_record()
    phases = [PhasePeak(phase=name, host_peak_bytes=9) for name in ("load", "train", "evaluate")]  # type: ignore[arg-type]
    parts = MemoryParts(
        source="host",
        before_bytes=1,
        weights_bytes=1,
        gradients_bytes=1,
        optimizer_bytes=1,
        rest_bytes=1,
        total_bytes=5,
    )
    assert record.measured is not None
    memory = record.measured.memory.model_copy(update={"phases": tuple(phases), "parts": parts})
    whole = record.model_copy(update={"measured": record.measured.model_copy(update={"memory": memory})})

    def rename(content: dict[str, Any]) -> None:
        told = content["measured"]["memory"]
        told["phases"][0]["phase"], told["phases"][2]["phase"] = "compile", "distil"
        told["parts"]["source"] = "npu"

    again = read(whole, rename)
    assert again.measured is not None
    assert again.measured.memory.phases == (phases[1],)
    assert again.measured.memory.parts is None
    assert again.measured.memory.host_peak_bytes == memory.host_peak_bytes


def test_a_run_that_ended_in_an_unknown_way_failed(tmp_path: Path, make_record: MakeRecord) -> None:
    paused = read(make_record(), lambda content: content.update(status="paused"))
    assert (paused.status, paused.reason) == (
        "failed",
        "it ended as 'paused', which this version of bench does not know",
    )
    (row,) = compare([paused]).results
    assert not row.finished
    with Store.open(tmp_path, resume=False) as store:
        store.write(paused)
        assert store.todo([paused.spec]) == [paused.spec]
    for value in (7, None, ["ok"]):
        with pytest.raises(RecordError, match="not a record of schema 1: status: Input should be 'ok'"):
            read(make_record(), lambda content, value=value: content.update(status=value))


def enumerations(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """List where a record holds a word of a Literal, and whether the field keeps an unknown one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            is_kept = any(isinstance(one, WrapValidator) for one in field.metadata)
            if get_origin(field.annotation) is Literal:
                yield (*path, name), is_kept
            else:
                yield from enumerations(field.annotation, (*path, name))
    elif get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        if get_origin(inner) is Literal:
            yield path, any(isinstance(one, WrapValidator) for one in more)
        else:
            yield from enumerations(inner, path)
    else:
        for inner in get_args(kind):
            yield from enumerations(inner, path)


KEPT = {
    ("tuning", "metric"),
    ("tuning", "trials", "status"),
    ("flags", "code"),
    ("phase",),
    ("spec", "way"),
    ("spec", "workload", "head"),
    ("spec", "workload", "quoting"),
    ("spec", "parallel"),
    ("memory", "method"),
    ("measured", "memory", "method"),
}
NOT_MEASURED = {
    (*place, *part)
    for place in (("memory",), ("measured", "memory"))
    for part in (("phases", "phase"), ("parts", "source"))
}


def test_every_enumeration_of_a_record_has_a_lenient_reader() -> None:
    found = dict(enumerations(RunRecord))
    assert {path for path, is_kept in found.items() if is_kept} == KEPT
    assert {path for path, is_kept in found.items() if not is_kept} == NOT_MEASURED | {("status",)}


@pytest.mark.parametrize("path", sorted(KEPT))
def test_an_unknown_word_is_kept_as_it_is_and_never_written(make_record: MakeRecord, path: tuple[str, ...]) -> None:
    flags = (Flag(code="few-steps", message="m"),)
    trial = TuningTrial(lr=None, num_steps=8, status="ok", quality=0.5, loss=0.7, seconds=2.0)
    tuning = Tuning(metric="accuracy", num_rows=64, trials=(trial,), lr=None)
    record = make_record(flags=flags).model_copy(update={"memory": Memory(host_peak_bytes=1), "tuning": tuning})

    def change(content: dict[str, Any]) -> None:
        part: Any = content
        for step in path[:-1]:
            part = part[step][0] if step in ("flags", "trials") else part[step]
        part[path[-1]] = "of-the-future"

    later = read(record, change)
    content = json.loads(later.to_json())
    assert '"of-the-future"' in json.dumps(content)
    assert RunRecord.from_json(later.to_json()) == later
    assert later != record
    with pytest.raises(ValidationError, match="Input should be"):
        RunRecord.model_validate(content)


def test_runs_with_an_unknown_choice_are_unlike_others_and_no_command_asks_for_them(make_record: MakeRecord) -> None:
    later = read(make_record("full"), lambda content: content["spec"]["workload"].update(head="distilled"))
    assert in_words(mismatches([later, make_record("freeze")])) == "head (distilled for full; auto for freeze)"
    assert reproduce(compare([later])) == ""


def test_what_is_written_is_held_to_the_schema(make_record: MakeRecord) -> None:
    record = make_record()
    with pytest.raises(ValidationError, match="Extra inputs"):
        RunRecord(**(dict(record) | {"stauts": "ok"}))
    with pytest.raises(ValidationError, match="Input should be"):
        PhasePeak(phase="trian")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="Extra inputs"):
        RunRecord.model_validate_json(json.dumps(json.loads(record.to_json()) | {"joules": 7}))
