"""In which order many strategies are shown, and under which family."""

from bench.analysis.arrangement import MOST_FIRST, MOST_TOGETHER
from bench.analysis.comparison import compare
from bench.plan.families import Family


def test_few_rows_stay_as_they_are_asked_for(make_record):
    comparison = compare(
        [make_record(f"s{index}", num_rows=60, accuracy=0.9 - index / 50) for index in range(MOST_TOGETHER)]
    )
    assert comparison.arrangement.first == comparison.results
    assert not comparison.arrangement.is_grouped


def test_one_more_is_grouped_by_what_its_plan_sets(make_record):
    sets = {"quick": {"precision": "amp"}, "light": {"transforms": "LoRA"}, "odd": {"of_the_future": "yes"}}
    names = [*sets, *(f"s{index}" for index in range(MOST_TOGETHER - 2))]
    records = [
        make_record(
            name,
            num_rows=600,
            accuracy=0.6 if name in sets else 0.9,
            step=2.0 if name in sets else 1.0,
            changes=sets.get(name, {}),
        )
        for name in names
    ]
    rows = compare(records, "s0").arrangement
    assert rows.is_grouped
    assert len(rows.first) <= MOST_FIRST
    assert sorted(result.strategy for result in rows.all) == sorted(names)
    families = {result.strategy: group.title for group in rows.families for result in group.results}
    assert {name: families[name] for name in sets} == {"quick": Family.TYPES, "light": Family.ADDED, "odd": "Other"}
