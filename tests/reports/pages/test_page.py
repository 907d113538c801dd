import base64
import hashlib
import inspect
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.comparison import compare
from bench.errors import BenchError, UnknownName
from reports import write_report
from reports.pages.page import render_page
from reports.parts import Part, Whole


class _Page(HTMLParser):
    """The tags, the text and the attributes of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.attributes = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)

    def all_text(self):
        return " ".join("".join(self.text).split())


def test_the_head_says_how_many_processes_share_a_run(make_record, in_processes):
    made = ([make_record()], [in_processes(make_record())])
    alone, shared = (render_page(Whole((Part(compare(records)),)), None, {}) for records in made)
    assert shared.count("<span>2 processes a run</span>") == 1
    assert "processes a run" not in alone


@pytest.fixture(scope="module")
def page(report):
    return _Page(report.read_text())


def test_everything_is_written(report):
    assert sorted(path.name for path in report.parent.iterdir()) == [
        "comparison.csv", "confusion.png", "differences.png", "learning_curves.png", "report.html", "results.csv", "results.json",
        "results.parquet", "summary.md", "tradeoff.png", "trained_layers.png",
    ]  # fmt: skip


def test_the_page_says_what_was_compared_and_what_came_out(page):
    text = page.all_text()
    for said in (
        "smollm2-135m on rotten-tomatoes",
        "3 seeds (0, 1, 2)",
        "2026-11-24 09:30 UTC",
        "bench 0.1.0",
        "freeze:last=2+amp is the fastest without a detected loss of accuracy",
        "ran out of memory: cannot allocate 512 MiB at step 0",
        "diverged for 1 of 3 seeds: the loss became NaN at step 7",
        "6.2% of the training rows are longer than 256 tokens",
        "only layers.10, layers.11, score train",
        "python -m bench compare --seeds 3",
        "transformers 5.23.0",
        "0123abcd0123",
    ):
        assert said in text, said
    assert text.count("reference") >= 1


def test_the_page_needs_no_network_and_allows_its_own_script_alone(page, report):
    assert page.tags.count("script") == 1
    script = re.search(r"<script>(.*?)</script>", report.read_text(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(value for _, name, value in page.attributes if value and value.startswith("default-src"))
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    sources = [value for _, name, value in page.attributes if name in {"src", "href", "xlink:href", "action"}]
    assert sources
    assert all(value.startswith(("#", "data:")) for value in sources)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_no_page_is_without_the_policy():
    templates = Path(inspect.getfile(render_page)).parent / "templates"
    pages = {path.name: text for path in templates.glob("*.html") if "<!doctype" in (text := path.read_text())}
    assert pages.keys() == {"report.html", "plain.html"}
    assert all("{{ head(" in text for text in pages.values())
    assert "Content-Security-Policy" in (templates / "head.html").read_text()


def test_nothing_in_a_name_is_obeyed(make_record):
    record = make_record()
    workload = record.spec.workload.model_copy(update={"model": "m\x1b[31m\u202e\x00", "dataset": "d\u2066\x9b"})
    record = record.model_copy(update={"spec": record.spec.model_copy(update={"workload": workload})})
    page = render_page(Whole((Part(compare([record])),)), "bench compare --model \x1b[31m", {})
    assert "m\ufffd[31m" in page
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_the_data_is_in_the_page(page, report):
    links = {
        value: dict(page.attributes[index + offset][1:] for offset in (0, 1))["href"]
        for index, (_, name, value) in enumerate(page.attributes)
        if name == "download"
    }
    decoded = {name: base64.b64decode(uri.partition(",")[2]).decode() for name, uri in links.items()}
    assert decoded["results.csv"] == (report.parent / "results.csv").read_text()
    assert len(pd.read_csv(io.StringIO(decoded["results.csv"]))) == 15
    assert decoded["comparison.csv"] == (report.parent / "comparison.csv").read_text()
    (said,) = json.loads(decoded["results.json"])
    assert said["form"] == "winner"
    assert said["winners"] == ["freeze:last=2+amp"]
    assert {line["strategy"] for line in said["strategies"]} == {
        "full", "freeze", "freeze:last=2+amp", "llrd:decay=0.8", "full+wide",
    }  # fmt: skip


def test_every_figure_has_its_text(page):
    alternatives = [value for tag, name, value in page.attributes if tag == "div" and name == "aria-label"]
    assert sum("plot" in text or "Strips" in text for text in alternatives) == 4
    assert page.tags.count("svg") == 10


def test_no_name_becomes_markup(hostile_report, evil):
    html = hostile_report.read_text()
    page = _Page(html)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    for name in evil:
        assert " ".join(name.split()) in page.all_text()


def test_equal_records_make_equal_files(records, report, tmp_path):
    again = write_report([compare(records)], tmp_path, command="python -m bench compare --seeds 3")
    for path in report.parent.iterdir():
        assert (again.parent / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_figure_that_has_lost_its_data_is_taken_away(make_record, tmp_path):
    (tmp_path / "tradeoff.png").write_bytes(b"of an earlier report")
    page = write_report([compare([make_record(status="oom", reason="too large")])], tmp_path / ".")
    assert not (tmp_path / "tradeoff.png").exists()
    text = _Page(page.read_text()).all_text()
    assert "is left out: no run has both training memory and accuracy" in text
    assert "No run finished: full ran out of memory." in text


def test_no_runs_make_a_page_that_says_so(tmp_path):
    page = write_report([compare([])], tmp_path / "new" / "place")
    assert "No run was recorded." in page.read_text()


def test_a_reference_that_was_not_run_is_refused(records):
    with pytest.raises(UnknownName, match="reference"):
        compare(records, "lora")


def test_ten_strategies_by_five_seeds_stay_small(make_record, tmp_path):
    records = [make_record(f"s{index}", seed=seed, step=1 + index) for seed in range(5) for index in range(10)]
    assert write_report([compare(records)], tmp_path).stat().st_size < 600 * 1024


def test_a_page_too_large_to_open_is_refused_and_all_else_is_there(make_record, tmp_path, monkeypatch):
    monkeypatch.setattr("reports.pages.page.MOST_BYTES", 1 << 15)
    with pytest.raises(BenchError, match=r"the page would have .* MiB"):
        write_report([compare([make_record()])], tmp_path)
    assert not (tmp_path / "report.html").exists()
    assert {"summary.md", "results.csv", "comparison.csv", "tradeoff.png"} <= {one.name for one in tmp_path.iterdir()}


def test_data_too_large_for_a_page_lies_beside_it(make_record, tmp_path):
    records = [make_record(name, seed=seed) for seed in range(501) for name in ("full", "freeze")]
    text = _Page(write_report([compare(records)], tmp_path).read_text()).all_text()
    assert "results.csv (beside this page; too large to stand in it)" in text
    assert "501 seeds (0 to 500)" in text
