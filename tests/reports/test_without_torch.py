import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "datasets"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Absent())
from pathlib import Path
from rich.console import Console
from bench.analysis.comparison import compare
from bench.records.record import RunRecord
from reports import write_report
from reports.terminal import summary_table
records = [RunRecord.from_json(path.read_text()) for path in sorted(Path(sys.argv[1]).glob("*.json"))]
print(write_report([compare(records)], Path(sys.argv[2])))
Console().print(summary_table(compare(records)))
"""


def test_a_report_is_rendered_where_torch_cannot_be_imported(records, tmp_path):
    for index, record in enumerate(records):
        (tmp_path / f"{index:02}.json").write_text(record.to_json())
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path), str(tmp_path / "out")],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path / "out" / "report.html"))
    assert "is the fastest" in done.stdout
