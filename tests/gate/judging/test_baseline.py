"""Baselines from recording to judgement: what they tell of a machine, and when a stored number is compared with."""

import json
import re

import pytest
from rich.console import Console

from bench.errors import UsageError
from bench.gate.judging.against import judge_baselines
from bench.gate.judging.baseline import is_baseline, read_baseline, write_baseline
from bench.gate.judging.margins import Margins
from bench.gate.judging.noise import refusals
from bench.gate.outputs.baseline_tables import calibration_table, history_table, lesson
from tests.gate.baselines import TIMES, WHEN, baseline, recorded, verdicts


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

    assert {metric for metric, word in verdicts(judgement).items() if word != "PASS"} == {"training_memory_bytes"}
    (memory,) = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    said = "base measured no peak above what was there before the model, as versions of before do not on a CPU"
    assert (memory.verdict, memory.reason) == ("NOT_MEASURED", said)
    assert judgement.exit_code() == 4
    assert verdicts(judge_baselines(old, old, Margins()))["training_memory_bytes"] == "NOT_MEASURED"


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


def test_changed_files_are_told():
    changed = baseline().model_copy(update={"is_changed": True})
    assert judge_baselines(baseline(), changed, Margins()).warnings == ("Files of head differ from its commit.",)
    assert "0123abcd+" in text(history_table([changed]))
