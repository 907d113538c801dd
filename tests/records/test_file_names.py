from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from bench.experiment.spec import RunSpec, Term, WorkloadSpec
from bench.records.file_names import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

    MakeRecord = Callable[..., RunRecord]

names = st.text(min_size=1, max_size=200)


@given(strategy=names, model=names, dataset=names, seed=st.integers(0, 2**63 - 1))
def test_any_name_is_a_safe_file_name(strategy: str, model: str, dataset: str, seed: int) -> None:
    spec = RunSpec(strategy=(Term(name=strategy),), workload=WorkloadSpec(model=model, dataset=dataset), seed=seed)

    name = file_name(spec)
    stem, _, digest = name.removesuffix(".json").rpartition("-")

    assert Path(name).name == name
    assert name.isascii()
    assert set('/\\:*?"<>| \n\0').isdisjoint(name)
    assert 1 <= len(stem) <= 64
    assert not stem.startswith((".", "-"))
    assert len(digest) == 12


def test_equal_specs_share_a_file_and_others_do_not(make_record: MakeRecord) -> None:
    spec = make_record().spec
    again = RunSpec.model_validate(json.loads(spec.model_dump_json()))

    assert file_name(again) == file_name(spec)
    assert file_name(spec.model_copy(update={"lr": 1e-3})) != file_name(spec)
    assert file_name(spec) == file_name(spec).lower()
    assert file_name(spec).startswith("full_smollm2-135m_rotten-tomatoes_0-")


def test_a_local_model_is_named_by_its_last_component(make_record: MakeRecord) -> None:
    spec = make_record(workload={"model": "/home/someone/models/My Llama/"}).spec

    assert "_My-Llama_" in file_name(spec)


def test_what_is_not_asked_of_several_processes_changes_no_name(make_record: MakeRecord) -> None:
    spec = make_record().spec
    assert {"num_processes", "parallel"}.isdisjoint(json.loads(spec.model_dump_json()))
    shared = spec.model_copy(update={"num_processes": 2, "parallel": "shard"})
    assert RunSpec.model_validate_json(shared.model_dump_json()) == shared
    assert len({file_name(one) for one in (spec, shared, spec.model_copy(update={"num_processes": 2}))}) == 3
