import pytest

from bench.gate.judging.baseline import read_baseline


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
