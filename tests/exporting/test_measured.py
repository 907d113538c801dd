"""Nothing is exported that is not what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import UnknownName, UsageError
from bench.exporting.export import export
from bench.exporting.measured import find_runs, make_again
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


def test_what_is_not_there_is_named(make_record: Callable[..., RunRecord], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no runs"):
        find_runs(tmp_path / "nowhere", "full")
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record("freeze", seed=1))
        store.write(make_record("freeze", seed=0))
        store.write(make_record("amp", status="skipped", reason="this CPU has no native bf16"))
    assert [record.spec.seed for record in find_runs(tmp_path, "freeze")] == [0, 1]
    with pytest.raises(UnknownName, match="Did you mean freeze"):
        find_runs(tmp_path, "freez")
    with pytest.raises(UsageError, match="ended well: skipped, this CPU has no native bf16"):
        find_runs(tmp_path, "amp")
    with Store.open(tmp_path, resume=True) as store:
        store.write(make_record("freeze", seed=0, workload={"max_length": 32}))
    with pytest.raises(UsageError, match="several settings"):
        find_runs(tmp_path, "freeze")


def test_what_differs_from_the_record_is_refused(measure: Callable[..., tuple[Path, RunRecord]]) -> None:
    directory, record = measure("freeze", "llama")
    assert record.measured
    for field, value, said in (
        ("data_digest", "0" * 64, "the data differs"),
        ("model_digest", "sha256:0", "the model differs"),
    ):
        other = record.measured.model_copy(update={field: value})
        with pytest.raises(UsageError, match=said):
            make_again([record.model_copy(update={"measured": other})])
    slower = [layer.model_copy(update={"lr": layer.lr and layer.lr / 2}) for layer in record.measured.layer_rates]
    other = record.measured.model_copy(update={"layer_rates": tuple(slower)})
    with pytest.raises(UsageError, match="what trains, and how fast, differs"):
        make_again([record.model_copy(update={"measured": other})])
    data = Path(record.spec.workload.dataset)
    text = data.read_text()
    try:
        data.write_text(text.replace("word25", "word3"))
        with pytest.raises(UsageError, match="the data differs from what was measured; measure it again"):
            export(directory, "freeze", "trainer")
    finally:
        data.write_text(text)


@pytest.mark.parametrize(
    ("strategy", "changes", "said"),
    [
        ("sgd", {}, "cannot say its optimizer: SGD, momentum=0.9"),
        pytest.param("head_then_full", {}, "what trains changes in the run", marks=pytest.mark.slow),
        pytest.param("prompt_tuning", {}, "cannot say its prompt_tokens", marks=pytest.mark.slow),
        pytest.param("lora+checkpoint:every=2", {}, "all layers or of none", marks=pytest.mark.slow),
        pytest.param("full", {"micro_batch_size": 1}, "has fewer rows than that", marks=pytest.mark.slow),
    ],
)
def test_what_a_script_cannot_say_is_refused(
    measure: Callable[..., tuple[Path, RunRecord]], strategy: str, changes: dict[str, Any], said: str
) -> None:
    directory, _ = measure(strategy, "llama", **({"steps": 4, "lr": None} | changes))
    with pytest.raises(UsageError, match=said):
        export(directory, strategy, "trainer")
