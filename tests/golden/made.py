"""What today's code makes of stored runs and files, and of fresh tiny runs, as texts by the name of the expected file."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bench.__main__ import main
from bench.worker import main as carry_out

__all__ = ["EXPECTED", "STRATEGIES", "as_json", "file_of", "fresh", "gates", "reports"]

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
STRATEGIES = (
    "full",
    "freeze",
    "freeze:last=1",
    "discriminative",
    "llrd",
    "freeze:last=1+cached",
    "checkpoint",
    "seen_embeddings",
    "amp:dtype=bf16",
)
AT_THEIR_OWN_RATES = {"freeze", "discriminative"}
"""Those that train at the learning rates that nobody asked for."""
WIDTH = 100
"""Of the terminal, in characters."""


def reports() -> dict[str, str]:
    """Render the stored runs in every form but the page; words stand in files of their own."""
    with TemporaryDirectory() as folder, chdir(folder):
        shutil.copytree(HERE / "stored", "runs-of-before")
        made = {"words/terminal.txt": _call("report", "runs-of-before")}
        made["words/printed.md"] = _call("report", "runs-of-before", "--format", "md")
        written = Path("runs-of-before")
        made["words/summary.md"] = _read(written / "summary.md")
        made["numbers/comparison.csv"] = _read(written / "comparison.csv")
        made["numbers/results.csv"] = _read(written / "results.csv")
        (results,) = json.loads(_read(written / "results.json"))
    said = {key: results.pop(key) for key in ("headline", "sentences", "warnings")}
    made |= {"numbers/results.json": _by_line(results), "words/results.json": as_json(said)}
    return {name: _rounded(text) for name, text in made.items()}


def gates() -> dict[str, str]:
    """Judge stored files of pytest-benchmark, and a stored baseline against another."""
    with chdir(HERE / "gate"):
        sides = {side: sorted(path.name for path in Path().glob(f"{side}-*.json")) for side in ("base", "head")}
        files = ("gate", "--base", *sides["base"], "--head", *sides["head"])
        baselines = ("gate", "--base", "before.json", "--head", "after.json")
        made = {f"gate/{name}.json": _call(*words, "--format", "json") for name, words in _named(files, baselines)}
        made |= {f"words/gate-{name}.txt": _call(*words) for name, words in _named(files, baselines)}
    return {name: _rounded(text) for name, text in made.items()}


def fresh(strategy: str) -> dict[str, Any]:
    """Train a tiny model by a strategy; the result is what no machine may change, the losses but for rounding."""
    terms = [term.split(":") for term in strategy.split("+")]
    spec = {
        "strategy": [{"name": name, "options": [option.split("=") for option in options]} for name, *options in terms],
        "workload": {"model": "model", "dataset": "reviews.csv", "train_samples": 48, "eval_samples": 18},
        "seed": 1,
        "steps": 8,
        "batch_size": 8,
        "lr": None if strategy in AT_THEIR_OWN_RATES else 5e-3,
        "evaluations": 2,
    }
    pipe = _Pipe()
    with chdir(HERE):
        carry_out(pipe, json.dumps({"spec": spec}))
    *_, ended = pipe.messages
    assert ended["kind"] == "finished", ended
    (planned,) = (message for message in pipe.messages if message["kind"] == "planned")
    measured = ended["measured"]
    wanted = (
        *("num_params", "num_trainable_params", "num_steps", "num_samples", "num_tokens", "num_padded_tokens"),
        *("compute_dtype", "weights_dtype", "cache_bytes", "seen_embeddings", "head", "phase_steps"),
        *("step_tokens", "losses", "initial_loss", "layer_rates", "data_digest", "model_digest", "data"),
    )
    return {
        "changes": planned["changes"],
        "config_hash": ended["environment"]["config_hash"],
        "step_flops": measured["work"]["step_flops"],
        "evaluation": {key: value for key, value in measured["evaluation"].items() if not key.endswith("seconds")},
        "curve": [{key: value for key, value in point.items() if key != "seconds"} for point in measured["curve"]],
        **{name: measured[name] for name in wanted},
    }


def file_of(strategy: str) -> str:
    """Name the expected file of a fresh run."""
    return f"fresh/{re.sub('[^a-z0-9_]+', '-', strategy)}.json"


class _Pipe:
    """The end of the pipe that a run writes to."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send_bytes(self, data: bytes, /) -> None:
        self.messages.append(json.loads(data))


def _named(files: tuple[str, ...], baselines: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("files", files), ("baselines", baselines)


def _call(*words: str) -> str:
    """Run a command here in a terminal of fixed width; give its exit code and all that it prints."""
    out, err = io.StringIO(), io.StringIO()
    environ = {"FORCE_COLOR": "", "COLUMNS": str(WIDTH), "GITHUB_ACTIONS": "", "MPLBACKEND": "agg"}
    with (
        patch.object(sys, "argv", ["bench", *words]),
        patch.dict("os.environ", environ),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main()
    return out.getvalue() if words[-1] == "json" else f"{out.getvalue()}{err.getvalue()}exit code {code}\n"


def _read(path: Path) -> str:
    """Read a text as it is, ends of lines included."""
    return path.read_bytes().decode()


def _by_line(results: dict[str, Any]) -> str:
    """Write as JSON, the row of each strategy and metric in a line of its own."""
    rows = [json.dumps(row, ensure_ascii=False) for row in results.pop("strategies")]
    return "".join(f"{line}\n" for line in [json.dumps(results, ensure_ascii=False), *rows])


def as_json(content: object) -> str:
    """Write as an expected file is."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _rounded(text: str) -> str:
    """Round numbers to 12 digits: processors and libraries differ in the last of 17."""
    return re.sub(r"(?<![\w.])-?\d+\.\d+(?:e[-+]?\d+)?(?![\w.])", _round, text)


def _round(found: re.Match[str]) -> str:
    return f"{float(found[0]):.12g}" if len(found[0]) > len("-0.") + 12 else found[0]
