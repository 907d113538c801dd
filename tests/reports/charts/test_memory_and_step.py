"""What memory and a step consist of."""

from bench.analysis.comparison import compare
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import NARROW, WIDE
from tests.reports.reading import svg_texts


def test_what_a_run_consists_of_is_drawn_where_it_was_measured(make_record, with_parts):
    charted = {chart.name: chart for chart in charts(compare([with_parts(make_record())]))}
    memory, step = charted["memory_split"], charted["step_split"]
    assert memory.table[0] == (
        "strategy", "weights", "gradients", "optimizer", "activations and the rest", "total",
    )  # fmt: skip
    assert memory.table[1][-1] == "2 GiB"
    assert memory.title == "Optimizer is 30% of the training memory of full"
    assert step.title == "Backward is 55% of a step of full"
    assert {"weights", "2 GiB", "full"} <= set(svg_texts(to_svg(memory, NARROW)))
    assert "pattern" in to_svg(memory, WIDE)


def test_communication_is_a_part_of_a_step_that_processes_share(make_record, with_parts, in_processes):
    def table(*records):
        return next(chart.table for chart in charts(compare(records)) if chart.name == "step_split")

    assert "communication" not in table(with_parts(make_record()))[0]
    titles, cells = table(in_processes(make_record()))
    assert dict(zip(titles, cells, strict=True)) == {
        "strategy": "full", "forward": "200 ms", "backward": "300 ms", "optimizer": "150 ms", "data": "100 ms",
        "communication": "250 ms", "total": "1 s",
    }  # fmt: skip
    hidden = in_processes(make_record("shard"))
    parts = hidden.measured.step_parts.model_copy(update={"communication": None})
    hidden = hidden.model_copy(update={"measured": hidden.measured.model_copy(update={"step_parts": parts})})
    assert table(in_processes(make_record()), hidden)[2][-2:] == ("\N{EN DASH}", "750 ms")
