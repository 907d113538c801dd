import html
import io
import re

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from bench.analysis.comparison import compare
from bench.analysis.words.data import in_brief, in_full
from bench.experiment.bounds import LENIENT
from bench.records.record import Flag
from bench.records.table import to_table
from reports.export import comparison_table
from reports.markdown import render_summary
from reports.marking import escape
from reports.notebook import comparison_html
from reports.pages.page import render_page
from reports.parts import Part, Whole, charted, parts_of
from reports.tables.cells import cell
from reports.tables.flagged import flagged
from reports.terminal import summary_table
from tests.reports.reading import in_terminal


def _ascii(text):
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{MINUS SIGN}", "-")


def test_the_summary_says_how_many_processes_share_a_run(make_record, in_processes):
    alone, shared = (
        render_summary([Part(compare([record]))], None) for record in (make_record(), in_processes(make_record()))
    )
    assert "; 2 processes a run." in shared
    assert "processes a run" not in alone


def _shown(comparison, width):
    console = Console(file=io.StringIO(), width=width, color_system="truecolor", force_terminal=True)
    console.print(summary_table(comparison))
    return console.file.getvalue()


def test_the_terminal_shows_every_strategy_against_the_reference(records):
    comparison = compare(records)
    wide, lines = (in_terminal(comparison, width).splitlines() for width in (160, 80))
    (line,) = [line for line in wide if line.startswith("freeze  ")]
    assert re.split(" {2,}", _ascii(line)) == [
        "freeze", "42.7 2.86x b", "862 MiB 0.38x a", "72.0% -8.2 points a", "12 s 0.35x", "10,000,000",
    ]  # fmt: skip
    freeze = next(index for index, line in enumerate(lines) if line.startswith("freeze  "))
    assert re.split(" {2,}", lines[freeze].strip()) == ["freeze", "42.7", "862 MiB", "72.0%", "12 s"]
    assert re.split(" {2,}", _ascii(lines[freeze + 1]).strip()) == ["2.86x b", "0.38x a", "-8.2 points a", "0.35x"]
    text = " ".join(" ".join(lines).split())
    assert "full reference" in text
    assert comparison.headline in text
    assert "truncated-inputs" in text


def test_the_terminal_and_markdown_say_the_words_of_the_comparison(records, report):
    comparison = compare(records)
    markdown = (report.parent / "summary.md").read_text()
    shown = " ".join(in_terminal(comparison, width=400).split())
    for sentence in (comparison.headline, *comparison.sentences):
        assert sentence in shown
        assert escape(sentence) in markdown


def test_a_reason_stands_below_the_table_in_the_full_width_and_only_there(make_record):
    reason = "bf16 is emulated on this processor, 40 times slower than fp32; ask for it by name: amp:dtype=bf16"
    skipped, failed = ("amp", "skipped", "was skipped"), ("llrd", "failed", "failed")
    bad = [make_record(name, status=status, reason=f"{name}: {reason}") for name, status, _ in (skipped, failed)]
    comparison = compare([make_record("full"), *bad])
    shown = in_terminal(comparison, width=80)
    table, below = shown.split(comparison.headline)
    for name, _, ending in (skipped, failed):
        assert ending in table
        sentence = f"{name} {ending}: {name}: {reason}."
        assert sentence in comparison.sentences
        assert f"- {sentence}" in " ".join(below.split())
    assert "emulated" not in table
    assert len(below.splitlines()) == 5


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_name_is_markup_to_the_terminal(hostile_records, evil, width):
    shown = in_terminal(compare(hostile_records, evil[0]), width=width)
    assert max(map(len, shown.splitlines())) <= width
    assert "[/red]" in shown
    assert evil[0] in shown or width < 80


def test_no_control_character_reaches_the_terminal(make_record):
    name = "a\x1b[31mb\x07\u202ec"
    flag = Flag.model_validate({"code": "\x1b]0;title\x07", "message": "m"}, context=LENIENT)
    shown = _shown(compare([make_record("full"), make_record(name, flags=(flag,), step=0.5)]), 100)
    assert "\x1b[31mb" not in shown
    assert "\x1b]" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_what_all_strategies_share_is_said_once_everywhere(make_record):
    few, small = Flag(code="few-steps", message="16 steps"), Flag(code="small-evaluation", message="55 rows")
    runs = [
        make_record(name, seed=seed, flags=(few, small, *more), accuracy=0.4)
        for seed in range(2)
        for name, more in (("full", ()), ("amp", (Flag(code="truncated-inputs", message="6%"),)), ("freeze", ()))
    ]
    comparison = compare([*runs, make_record("wide", status="oom", reason="too large")])
    assert [(one.code, one.who) for one in flagged(comparison)] == [
        ("few-steps", "all strategies"), ("small-evaluation", "all strategies"), ("truncated-inputs", "amp"),
    ]  # fmt: skip
    page = render_page(Whole((Part(comparison),)), None, {})
    for shown in (in_terminal(comparison), render_summary([Part(comparison)], None), page):
        words = " ".join(shown.split())
        for said in ("few-steps", "small-evaluation", "No strategy is shown to beat the majority class (52.0%)."):
            assert escape(said) in words or said in words
        assert words.count("small-evaluation") - words.count("(small-evaluation)") == 1  # the list of checks has it too
        assert words.count("; not shown to beat the majority class") == 0
    assert "all strategies (few-steps)" in page


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def test_markdown_renders_to_the_names_themselves(hostile_report):
    shown = MARKDOWN.render((hostile_report.parent / "summary.md").read_text())
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("<h3>") == 1
    assert "<h1>" not in shown
    assert shown.split("<details>")[0].count("<tr>") == 13
    for name in ("&lt;script&gt;alert(1)&lt;/script&gt;", r"$\foo$", "[/red]", "_x", "a|b`c` # d"):
        assert f"<strong>{name}</strong>" in shown


def test_a_summary_is_made_for_a_pull_request(records, make_record):
    comparison = compare(
        [*records, *(make_record(f"s{index}", status="oom", reason="too large") for index in range(9))]
    )
    whole = charted(parts_of([comparison]))
    summary = render_summary(whole.parts, "bench compare", whole.across.charts)
    shown, details = summary.split("<details>")
    assert shown.count("\n**") == 1, "the headline"
    assert shown.count("| --- |") == 1, "one table"
    assert 1 <= sum(line.startswith("- ") for line in shown.splitlines()) <= 5
    assert "](" not in summary
    for chart in whole.parts[0].figures.charts:
        assert chart.missing or escape(chart.title) in details
    assert MARKDOWN.render(summary).count("<table>") > 4
    there = render_summary(whole.parts, None, whole.across.charts, figures_url="https://a.example/b/")
    assert "](https://a.example/b/tradeoff.png)" in there
    assert there.count("| --- |") < summary.count("| --- |")


def test_a_command_with_backticks_stays_code(hostile_report):
    text = (hostile_report.parent / "summary.md").read_text()
    assert "<code>bench `&lt;script&gt;alert(1)&lt;/script&gt;`</code>" in MARKDOWN.render(text)


def test_letters_stand_beside_the_values_and_are_explained(records, report):
    comparison = compare(records)
    full = comparison.results[0]
    assert cell(full, "samples_per_second", comparison).group == "c"
    assert cell(full, "samples_per_second").group == ""
    assert cell(full, "train_seconds", comparison).group == ""
    key = "Strategies that share a letter in a column are tied there (all pairs, Holm, 5%)."
    shown = " ".join(in_terminal(comparison, width=200).split())
    assert key in shown
    assert "1.00\N{MULTIPLICATION SIGN} c" in shown
    assert escape(key) in (report.parent / "summary.md").read_text()
    assert "share a letter" not in in_terminal(compare(records[:1]))


def test_what_does_not_match_is_a_warning_on_every_output(make_record):
    records = [make_record("full"), make_record("a|b", step=0.5, workload={"max_length": 64})]
    comparison = compare(records, allow_mismatch=True)
    warning = "These runs differ in more than the strategy: max_length (256 for full; 64 for a|b)."
    assert warning in " ".join(in_terminal(comparison, width=200).split())
    markdown = render_summary([Part(comparison)], None)
    assert f"> {escape(warning)}" in markdown
    shown = MARKDOWN.render(markdown)
    cells = re.sub(r' style="[^"]*"', "", shown)
    assert "<th>a|b</th>" in cells
    assert "<td>max_length</td>\n<td>256</td>\n<td>64</td>" in cells
    page = render_page(Whole((Part(comparison),)), None, {})
    assert " ".join(page.split()).count("max_length (256 for full; 64 for a|b)") == 1
    assert "<h2>What differs that must not</h2>" in render_page(Whole((Part(compare(records)),)), None, {})


def test_what_was_read_comes_before_any_number_in_every_output(records, report):
    comparison = compare(records)
    (data,) = comparison.data
    page = report.read_text()
    for about, said in in_full(data):
        assert f"<dt>{about}</dt><dd>{html.escape(said, quote=True).replace('&quot;', '&#34;')}</dd>" in page
        assert f"- {about}: {escape(said)}" in (report.parent / "summary.md").read_text()
    shown = " ".join(in_terminal(comparison, width=400).split())
    for about, said in in_brief(data):
        assert f"{about}: {said}" in shown
    for text, first in (
        (page, 'class="headline"'),
        ((report.parent / "summary.md").read_text(), "**"),
        (shown, "throughput"),
    ):
        assert text.index("8,530 rows") < text.index(first)


def test_records_that_do_not_say_what_was_read_are_shown_without(records):
    old = [
        record.model_copy(update={"measured": record.measured and record.measured.model_copy(update={"data": None})})
        for record in records
    ]
    comparison = compare(old)
    assert comparison.data == ()
    assert "What was read" not in render_page(Whole((Part(comparison),)), None, {})
    assert "read:" not in render_summary([Part(comparison)], None)


def test_every_output_says_the_micro_batch_and_the_batch_where_they_differ(make_record):
    comparison = compare([make_record("full"), make_record("lora", micro_batch_size=4)])
    page = render_page(Whole(parts_of([comparison])), None, {})
    for output in (
        in_terminal(comparison, width=80),
        render_summary(parts_of([comparison]), None),
        comparison_html(comparison),
    ):
        assert "micro-batch 4 of 16" in " ".join(output.split())
    assert "4 of 16" in page
    assert "16 of 16" in page
    table = comparison_table([comparison]).drop_duplicates("strategy").set_index("strategy")
    assert table[["batch_size", "micro_batch_size"]].to_numpy().tolist() == [[16, 16], [16, 4]]
    assert to_table(comparison.records)["micro_batch_size"].tolist()[1] == 4
    plain = compare([make_record("full"), make_record("lora")])
    assert "micro-batch" not in in_terminal(plain, width=80)
    assert "micro-batch" not in render_page(Whole(parts_of([plain])), None, {})
