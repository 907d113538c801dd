"""Baselines from recording to judgement: what they tell of a machine, and when a stored number is compared with."""

import json
import math
import random
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from bench.errors import UsageError
from bench.gate.judging.against import judge_baselines
from bench.gate.judging.baseline import Baseline, Pair, Process, Recorded, is_baseline, read_baseline, write_baseline
from bench.gate.judging.judgement import Side
from bench.gate.judging.margins import Margins
from bench.gate.judging.noise import noise_of, refusals
from bench.gate.judging.sequential import Plan, take_look
from bench.gate.judging.strategy import without
from bench.gate.outputs.baseline_tables import calibration_table, history_table, lesson

WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
TIMES = ("step_seconds_median", "step_seconds_mean")
REST = ("training_memory_bytes", "accuracy", "first_losses")


def recorded(num_pairs=12, *, noise=0.002, effect=0.0, peak=400 << 20, accuracy=0.9, loss=0.7, seed=0, digest="d"):
    draw = random.Random(seed)

    def process():
        seconds = 0.1 * (1 + effect) * math.exp(draw.gauss(0, noise))
        return Process(
            step_seconds_median=seconds,
            step_seconds_mean=1.1 * seconds,
            training_memory_bytes=peak,
            accuracy=accuracy,
            losses=(loss, loss / 2),
        )

    pairs = tuple(Pair(seed=number, processes=(process(), process())) for number in range(1, num_pairs + 1))
    return Recorded(is_half_precision=False, data_digest=digest, pairs=pairs)


def baseline(strategies=None, *, fingerprint=None, work=None, **made):
    return Baseline(
        recorded=WHEN,
        side=Side("main", "0123abcd" * 5, {"processor": "Example"} if fingerprint is None else fingerprint),
        work={"steps": 60, "tiny": 1} if work is None else work,
        strategies={"full": recorded(**made)} if strategies is None else strategies,
    )


def words(judgement, strategy="full"):
    return {f.metric: f.verdict for f in judgement.findings if f.benchmark == strategy}


def text(table):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_a_file_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "baseline.json"
    write_baseline(baseline(), path)
    assert read_baseline(path) == baseline()
    assert is_baseline(path)
    assert path.read_text().count("\n") > 100, "it is to be read by people too"


def test_other_files_are_none(tmp_path):
    path = tmp_path / "x.json"
    assert not is_baseline(path)
    with pytest.raises(UsageError, match=r"x.json: No such file or directory; name a file written by"):
        read_baseline(path)
    path.write_text('{"benchmarks": []}')
    assert not is_baseline(path)
    with pytest.raises(UsageError, match="is no baseline of schema 1 or 2"):
        read_baseline(path)
    write_baseline(baseline(), path)
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 3'))
    with pytest.raises(UsageError, match="schema_version: Input should be 1 or 2"):
        read_baseline(path)
    path.write_text(baseline({}).model_dump_json())
    with pytest.raises(UsageError, match="holds no strategy"):
        read_baseline(path)
    with pytest.raises(UsageError, match="Is a directory; name a file that can be written"):
        write_baseline(baseline(), tmp_path)


def test_a_baseline_of_the_whole_process_is_read_and_its_memory_is_not_compared(tmp_path):
    path = tmp_path / "old.json"
    write_baseline(baseline(), path)
    written = json.loads(path.read_text()) | {"schema_version": 1}
    for pair in written["strategies"]["full"]["pairs"]:
        for process in pair["processes"]:
            del process["peak_memory_bytes"]
            process["peak_memory_bytes"] = process.pop("training_memory_bytes") + (400 << 20)
    path.write_text(json.dumps(written))

    old = read_baseline(path)
    judgement = judge_baselines(old, baseline(), Margins())

    assert {metric for metric, word in words(judgement).items() if word != "PASS"} == {"training_memory_bytes"}
    (memory,) = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    said = "base measured no peak above what was there before the model, as versions of before do not on a CPU"
    assert (memory.verdict, memory.reason) == ("NOT_MEASURED", said)
    assert judgement.exit_code() == 4
    assert words(judge_baselines(old, old, Margins()))["training_memory_bytes"] == "NOT_MEASURED"


def test_noise_is_what_a_gate_of_the_same_pairs_would_have_found():
    one = recorded(noise=0.02)
    noise = noise_of(one, "step_seconds_median")
    logs = [math.log(p.processes[1].step_seconds_median / p.processes[0].step_seconds_median) for p in one.pairs]
    plan = Plan()
    look = take_look(logs, plan.level, plan.red_level)
    assert noise.between_pairs == pytest.approx(look.deviation)
    assert noise.finds(12) == pytest.approx(math.expm1(look.detectable))
    assert noise.between_processes == pytest.approx(0.02, rel=0.4)
    assert noise.finds(4) > noise.finds(6) > noise.finds(12)
    needed = noise.pairs_for(0.05)
    assert noise.finds(needed) <= 0.05 < noise.finds(needed - 1)
    assert noise_of(recorded(noise=0.5), "step_seconds_median").pairs_for(0.01) is None


def test_a_machine_that_is_too_noisy_for_a_margin_says_so():
    quiet, noisy = recorded(noise=0.005), recorded(noise=0.1)
    margins = Margins().of("full")
    assert refusals(quiet, WHEN, margins) == {}
    refused = refusals(noisy, WHEN, margins)
    assert refused.keys() == set(TIMES)
    assert "calibrated on 2026-03-04, this machine finds" in refused["step_seconds_mean"]
    assert refusals(noisy, WHEN, dict.fromkeys(TIMES, 0.9)) == {}
    both = baseline({"full": quiet, "freeze": noisy})
    said = lesson(both, Margins())
    assert said.startswith("Too noisy for the margin")
    assert "freeze, step time and freeze, mean step" in said
    wider = float(re.search(r"A margin of ([0-9.]+)% could be judged", said)[1]) / 100
    assert refusals(noisy, WHEN, dict.fromkeys(TIMES, wider)) == {}
    wild = baseline({"full": recorded(noise=2.0)})
    assert "No margin could be judged" in lesson(wild, Margins())
    assert lesson(baseline(), Margins()).startswith("Step times can be judged here")


def test_tables_tell_what_was_recorded():
    table = text(calibration_table(baseline(noise=0.02), Margins()))
    assert table.count("5.0%") == 2
    table = text(history_table([baseline({"full": recorded(), "freeze": recorded(peak=None)}), baseline(peak=2 << 30)]))
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["full", "full", "freeze"]
    assert "2 GiB" in table
    assert "2026-03-04 05:06" in table


def test_the_same_again_passes_in_everything():
    judgement = judge_baselines(baseline(seed=1), baseline(seed=2), Margins())
    assert words(judgement) == dict.fromkeys((*TIMES, *REST), "PASS")
    assert judgement.warnings == ()


@pytest.mark.parametrize(
    ("change", "red"),
    [
        ({"effect": 0.1}, set(TIMES)),
        ({"peak": 440 << 20}, {"training_memory_bytes"}),
        ({"accuracy": 0.8}, {"accuracy"}),
        ({"loss": 0.71}, {"first_losses"}),
    ],
)
def test_what_got_worse_is_red(change, red):
    judgement = judge_baselines(baseline(), baseline(**change), Margins())
    assert {metric for metric, word in words(judgement).items() if word == "FAIL"} == red
    assert judgement.exit_code() == 1


def test_margins_are_those_of_the_file():
    margins = Margins(0.05, {"full": {"step_seconds_median": 0.3, "training_memory_bytes": 0.2}})
    judgement = judge_baselines(baseline(), baseline(effect=0.1, peak=440 << 20), margins)
    assert words(judgement)["step_seconds_median"] == words(judgement)["training_memory_bytes"] == "PASS"
    assert words(judgement)["step_seconds_mean"] == "FAIL"


def test_times_of_another_machine_or_other_versions_are_not_judged_and_the_rest_is():
    head = baseline(fingerprint={"processor": "Example", "torch": "9.9"}, effect=1.0, peak=500 << 20)
    judgement = judge_baselines(baseline(), head, Margins())
    assert words(judgement).keys() == set(REST)
    assert words(judgement)["training_memory_bytes"] == "FAIL"
    assert judgement.warnings == ("Step times are not judged: torch is unknown in base and 9.9 in head.",)


def test_times_of_a_noisy_base_are_not_judged():
    judgement = judge_baselines(baseline(noise=0.05), baseline(), Margins())
    assert words(judgement).keys() == set(REST)
    assert len(judgement.warnings) == 2
    assert all("single processes of base differ by" in warning for warning in judgement.warnings)


def test_a_head_that_became_less_steady_is_not_the_greener_for_it():
    judgement = judge_baselines(baseline(), baseline(noise=0.05, effect=1.0), Margins())
    assert [words(judgement)[metric] for metric in TIMES] == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert judgement.exit_code(strict=True) == 3


def test_changed_files_are_told():
    changed = baseline().model_copy(update={"is_changed": True})
    assert judge_baselines(baseline(), changed, Margins()).warnings == ("Files of head differ from its commit.",)
    assert "0123abcd+" in text(history_table([changed]))


def test_what_base_did_not_record_cannot_have_got_worse():
    failed = {"freeze": without("freeze", "head: its run diverged", has_diverged=True)}
    assert words(judge_baselines(baseline(), baseline(), Margins(), failed), "freeze")["first_losses"] == "NOT_MEASURED"
    both = baseline({"full": recorded(), "freeze": recorded()})
    assert words(judge_baselines(both, baseline(), Margins(), failed), "freeze")["first_losses"] == "FAIL"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (baseline({"freeze": recorded()}), "head did not record it"),
        (baseline(work={"steps": 30, "tiny": 1}), "not the same work: steps is 60 in base and 30 in head"),
        (baseline(digest="other"), "the rows are not those of base"),
        (
            baseline(fingerprint={"device": "Example GPU"}),
            "not the same device: device is None in base and Example GPU",
        ),
        (baseline({"full": recorded().model_copy(update={"pairs": recorded(40).pairs[30:]})}), "share no seeds"),
    ],
)
def test_what_cannot_be_compared_is_never_green(head, reason):
    judgement = judge_baselines(baseline(), head, Margins())
    assert set(words(judgement).values()) == {"NOT_MEASURED"}
    assert all(reason in finding.reason for finding in judgement.findings if finding.benchmark == "full")
    assert judgement.exit_code() == 4


def test_fewer_pairs_than_base_suffice_for_what_does_not_depend_on_the_moment():
    judgement = judge_baselines(baseline(noise=0.05), baseline(num_pairs=4), Margins())
    assert words(judgement) == dict.fromkeys(REST, "PASS")


def test_a_baseline_of_files_is_for_the_trend(bench, make_benchmark_files, tmp_path):
    """Of any project: what pytest-benchmark wrote, in its own words, and no accuracy."""
    (base, head), path = make_benchmark_files(number=4), tmp_path / "one.json"
    for side, name in ((base, "one.json"), (head, "two.json")):
        code, out, err = bench("baseline", "save", tmp_path / name, "--from", *side)
        assert (code, err) == (0, "")
    assert all(word in out for word in ("benchmark", "median", "test_x.py::test_a"))
    assert "accuracy" not in out
    read = read_baseline(path)
    (recorded,) = read.strategies.values()
    assert ([process.accuracy for process in recorded.processes], len(recorded.pairs)) == ([None] * 4, 2)
    assert recorded.processes[0].step_seconds_median == pytest.approx(0.1)
    assert bench("baseline", "show", path, tmp_path / "two.json", "--out", tmp_path / "trend")[0] == 0
    page = (tmp_path / "trend" / "trend.html").read_text()
    assert 'aria-label="median by baseline: ' in page
    assert "accuracy by baseline" not in page


def test_files_that_do_not_go_together_are_no_baseline(bench, make_benchmark_files, tmp_path):
    base, _ = make_benchmark_files(number=6)

    def refused(*words):
        code, out, err = bench("baseline", "save", tmp_path / "x.json", "--from", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err

    assert "3 files: give an even number of processes" in refused(*base[:3])
    assert "are the same measurement" in refused(*base[:3], base[0])
    assert "leave out what says how" in refused(*base, "--side", ".")
    content = base[0].read_text()
    base[0].write_text(content.replace('"Linux"', '"Darwin"'))
    assert "not one machine" in refused(*base)
    base[0].write_text(content.replace('"benchmarks"', '"commit_info": {"id": "abc"}, "benchmarks"'))
    assert "not one commit" in refused(*base)
    base[0].write_text(content.replace("test_a", "test_b"))
    assert "no test_x.py::test_" in refused(*base)
    base[0].write_text("{}")
    assert "--from base-0.json: the file is no whole JSON" in refused(*base)
    base[0].write_text(content)
    assert bench("baseline", "save", tmp_path / "x.json", "--from", *base)[0] == 0
    code, _, err = bench("gate", "--base", tmp_path / "x.json", "--head", ".")
    assert (code, "a gate takes the files themselves" in err) == (2, True)
