"""No number in a record brings a report down: it is reported, or the record is left out with a sentence."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.errors import RecordError
from bench.records.forecast import Forecast, ForecastMemory
from bench.records.readings import DeviceActivity, HostActivity, Memory, MemoryParts, PhasePeak, StepParts, Work
from bench.records.record import RunRecord
from bench.records.table import to_csv, to_parquet, to_table
from reports import render
from reports.terminal import summary_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Path = tuple[int | str, ...]

ODD = (None, -1, 0, 1, True, 5, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, "x", "", "0", [], {}, [None])
FLOATS = (0.5, -0.5, 5e-324, 1e-300, 1e-12, 1e12, 1e30, 1e39, 1e308, float("nan"), float("inf"), float("-inf"))
DATES = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "2026-11-24T09:30:00")
odd = st.sampled_from((*ODD, *FLOATS, *DATES))


def whole(record: RunRecord) -> dict[str, Any]:
    """The JSON of a record in which every instrument has read something."""
    measured = record.measured
    assert measured is not None
    parts = MemoryParts(
        source="host",
        before_bytes=1 << 28,
        weights_bytes=1 << 28,
        gradients_bytes=1 << 28,
        optimizer_bytes=1 << 29,
        rest_bytes=1 << 28,
        total_bytes=3 << 29,
    )
    memory = Memory(
        host_peak_bytes=2 << 30,
        nvml_delta_bytes=1 << 30,
        nvml_max_gap_seconds=0.01,
        phases=(PhasePeak(phase="load", host_peak_bytes=1 << 28), PhasePeak(phase="evaluate", host_peak_bytes=1 << 28)),
        parts=parts,
    )
    read = {
        "memory": memory,
        "cache_seconds": 0.5,
        "cache_bytes": 1 << 20,
        "compile_seconds": 3.0,
        "step_parts": StepParts(data=0.1, forward=0.3, backward=0.5, optimizer=0.1, num_steps=30),
        "work": Work(step_flops=1e9, flops_per_second=1e10, matmul_flops_per_second=2e10, mfu=0.5),
        "host": HostActivity(seconds=30, steal_share=0.0, others_share=0.01, swapped_bytes=0),
        "device": DeviceActivity(num_samples=9, power_watts=300, energy_joules=9000, utilisation=0.9),
    }
    sizes = dict.fromkeys(ForecastMemory.model_fields, 1 << 28)
    forecast = Forecast(
        device="x",
        num_params=9,
        num_trainable_params=1,
        memory=ForecastMemory(**sizes),
        overhead_bytes=(1, 1 << 28),
        seconds=(1.0, 9.0),
    )
    full = record.model_copy(update={"measured": measured.model_copy(update=read), "forecast": forecast})
    content: dict[str, Any] = json.loads(full.to_json())
    return content


def places(content: object, path: Path = ()) -> Iterator[Path]:
    """List every place in a JSON, whole parts too; of a sequence, the first two."""
    if path:
        yield path
    if isinstance(content, dict):
        for name, part in content.items():
            yield from places(part, (*path, name))
    elif isinstance(content, list):
        for number, part in enumerate(content[:2]):
            yield from places(part, (*path, number))


def changed(content: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """Put a value in a place, if it is still there."""
    *way, last = path
    part: Any = content
    for step in way:
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            return content
    if isinstance(part, dict | list) and (isinstance(part, dict) or len(part) > int(last)):
        part[last] = value
    return content


@pytest.fixture(scope="module")
def contents(make_record: Callable[..., RunRecord]) -> tuple[dict[str, Any], ...]:
    """Two strategies of two seeds."""
    return tuple(
        whole(make_record(name, seed=seed, step=step, num_steps=12, num_rows=40))
        for name, step in (("full", 1.0), ("freeze", 0.5))
        for seed in range(2)
    )


def read(contents: Sequence[dict[str, Any]]) -> list[RunRecord]:
    """Read what can be read; nothing but a sentence may come of the rest."""
    records = []
    for content in contents:
        try:
            records.append(RunRecord.from_json(json.dumps(content)))
        except RecordError as error:
            assert "\n" not in str(error)  # noqa: PT017  (which of the two it is, is not known before)
    return records


def report(records: Sequence[RunRecord], *forms: str) -> None:
    """Report the records as one comparison, by both rules, and as those that belong together."""
    whole = [(compare(records, allow_mismatch=allow, rank_suspect=allow),) for allow in (False, True)]
    for comparisons in (*whole, split([records])):
        for comparison in comparisons:
            summary_table(comparison)
        for form in forms:
            text = render(comparisons, form)  # type: ignore[arg-type]
            if form == "json":
                json.loads(text, parse_constant=pytest.fail)
    table = to_table(records)
    to_csv(table)
    to_parquet(table)


def mutated(data: st.DataObject, contents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Change a few places of a few records; one place is changed in all of them as often as not."""
    mutants = copy.deepcopy(list(contents))
    all_places = sorted(places(contents[0]), key=str)
    for _ in range(data.draw(st.integers(1, 4))):
        path, value = data.draw(st.sampled_from(all_places)), data.draw(odd)
        for mutant in mutants if data.draw(st.booleans()) else [data.draw(st.sampled_from(mutants))]:
            changed(mutant, path, value)
    return mutants


@settings(max_examples=40)
@given(data=st.data())
def test_odd_values_are_reported_or_left_out(data: st.DataObject, contents: tuple[dict[str, Any], ...]) -> None:
    if records := read(mutated(data, contents)):
        report(records, "md", "csv", "json")


@settings(max_examples=2)
@given(data=st.data())
def test_a_page_is_drawn_of_odd_values(data: st.DataObject, contents: tuple[dict[str, Any], ...]) -> None:
    if records := read(mutated(data, contents)):
        render(split([records]), "html")
