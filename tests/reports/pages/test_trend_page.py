"""The page of baselines over time: what it says, and how a browser shows it."""

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import escape

from bench.gate.judging.baseline import Baseline, Pair, Process, Recorded
from bench.gate.judging.judgement import Side
from reports.charts.trends import trend
from reports.pages.trend_page import render_trend, write_trend
from reports.tables.cells import one_line
from tests.reports.looking import MODES, check_page

STEP = "step_seconds_median"


def _recorded(seconds, peak=400 << 20):
    def process(number):
        slower = seconds * (1 + 0.01 * number)
        return Process(
            step_seconds_median=slower,
            step_seconds_mean=slower,
            training_memory_bytes=peak,
            accuracy=0.9,
            losses=(0.7,),
        )

    pairs = tuple(Pair(seed=seed, processes=(process(seed), process(-seed))) for seed in (1, 2))
    return Recorded(is_half_precision=False, data_digest="d", pairs=pairs)


def _baseline(day, strategies, *, machine="Example", name="main", commit="0123abcd" * 5):
    recorded = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)
    side = Side(name, commit, {"processor": machine})
    work = {"steps": 60, "lr": None, "strategies": ",".join(strategies)}
    return Baseline(recorded=recorded, side=side, work=work, strategies=strategies)


@pytest.fixture(scope="session")
def history(evil):
    """Twenty days on two machines, and names that would be markup."""
    return [
        _baseline(
            day,
            {"full": _recorded(0.1 * 1.01**day), "freeze:last=2+amp:dtype=bf16": _recorded(0.05)}
            | ({name: _recorded(0.1, peak=None) for name in evil} if day == 3 else {}),
            machine="Example" if day < 15 else f"Other {evil[0]}",
            name=evil[1] if day == 4 else "feature/" + "w" * 60,
            commit=None if day == 5 else "0123abcd" * 5,
        )
        for day in range(20)
    ]


def test_the_finding_is_of_the_last_stretch_that_can_be_compared(history):
    assert trend("full", STEP, history[:15], "x").title == "full, step time: 115 ms, +14.9% since 2026-03-01 12:00"
    assert trend("full", STEP, history, "x").title == "full, step time: 121 ms, +4.1% since 2026-03-16 12:00"
    assert trend("full", STEP, history[:16], "x").title == "full, step time: 116 ms, with none to compare it with"
    assert trend("full", STEP, history[:1], "x").title == "full, step time: 100 ms"


def test_the_numbers_behind_start_anew_on_another_machine(history):
    title, *lines = trend("full", STEP, history, "x").table
    assert title[-1] == "since the one before"
    assert [line[-1] for line in lines] == ["\N{EN DASH}", *["+1.0%"] * 14, "\N{EN DASH}", *["+1.0%"] * 4]
    assert lines[0] == ("2026-03-01 12:00", "0123abcd", "100 ms", "98 ms", "102 ms", "\N{EN DASH}")


def test_what_no_baseline_measured_is_not_drawn(history, evil):
    assert trend(evil[0], "training_memory_bytes", history, "x").missing
    assert not trend(evil[0], STEP, history, "x").missing


def test_the_page_draws_every_strategy_in_the_order_of_time(history, evil):
    text = render_trend(history[::-1])
    assert text == render_trend(history)
    assert text.count("<figure>") == text.count("<svg") == 2 * 4 + len(evil) * 3
    assert "20 baselines, 2026-03-01 to 2026-03-20" in text
    assert str(escape(one_line(evil[1]))) in text
    assert "<script" not in text


@pytest.mark.browser
@pytest.mark.parametrize("mode", MODES)
def test_the_page_is_whole_and_accessible(opened, history, tmp_path, mode):
    check_page(opened, write_trend(history, tmp_path), mode)
