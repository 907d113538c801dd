"""Ten thousand inputs of every grammar: each is read, or refused in a sentence, within five seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from bench.cli import app
from bench.errors import BenchError
from bench.experiment.settings import Settings
from bench.experiment.spec import WorkloadSpec
from bench.gate.judging.baseline import read_baseline, write_baseline
from bench.gate.judging.grammar import read_rules
from bench.gate.judging.pytest_benchmark import judge_benchmarks
from bench.records.record import RunRecord
from bench.workload.data.dataset import load_data
from bench.workload.toy import save_tiny_llama
from tests.gate.baselines import baseline as some_baseline

if TYPE_CHECKING:
    from collections.abc import Callable

NUM_INPUTS = 10_000
LIMIT_SECONDS = 5.0
STORED = Path(__file__).parents[1] / "golden" / "stored"
ODD = (
    *("", " ", "\n", "\r\n", "\t", "\0", ",", ";", ":", "=", "+", "@", '"', "'", "[", "]", "{", "}", "[[", "(", "\\", "#", "--"),
    *("-1", "0", "1e999", "-0.0", "nan", "inf", "9" * 30, "9" * 400, "0x1f", "1_000", "true", "null", "None", "\u221e"),
    *("\u202e", "\x1b[31m", "\ufeff", "\udcff", "\u00a0", "\U0001f600", "a" * 300, "../..", "~nobody", "::error::x", "=1+1"),
)  # fmt: skip
"""What is put into a text, or in the place of a part of it."""


def mutated(text: str, chance: Random) -> str:
    """A text with one to four changes."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 0, 1, 3, 20)))
        piece = chance.choice((*ODD, text[start:end] * 2, text[: chance.randint(0, 40)]))
        text = text[:start] + piece + text[end:]
    return text


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


COMMANDS = (
    "--strategies full,freeze:last=2+amp,lora:r=16 --lr 1e-3 --seeds 3 --epochs 2 --memory 16GiB --max-time 2h",
    "--strategies @optimizers,llrd:decay=0.8:lr=1e-3 --batch-size 8 --micro-batch-size 4 --device cpu --tune lr:trials=8",
    "--model minilm-l6 --text-column a,b --train-samples all --warmup-ratio 0.1 --reference full --quality macro_f1",
)
SETTINGS = 'strategies = "full,freeze"\nepochs = 2\nlr = 1e-3\ntrain-samples = "all"\n[options.lora]\nr = 4\n[groups]\nmine = "full,lora"\n'
RULES = 'rules = ["amp throughput >= 1.2x full", "peak_memory <= 20 GiB", "accuracy >= full - 1 point"]\n'


@pytest.fixture(scope="module")
def grammars(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[Random, Path], object]]:
    """By name: something that reads an input that is drawn."""
    model = str(save_tiny_llama(tmp_path_factory.mktemp("model")))
    record = min((STORED / "runs").glob("full*.json")).read_text()
    rows = "".join(f'{{"text": "film {number} was good", "label": "l{number % 2}"}}\n' for number in range(24))
    table = "text,label\n" + "".join(f'"film {number}, and more",l{number % 2}\n' for number in range(24))
    benchmarks = json.dumps(
        {
            "benchmarks": [{"fullname": "a.py::b", "stats": {"median": 0.1, "mean": 0.2}, "extra_info": {}}],
            "datetime": "2026-01-01",
        }
    )

    others = [written(tmp_path_factory.mktemp("base") / "b.json", benchmarks.replace("2026-01-01", "2025-12-31"))]
    write_baseline(some_baseline(num_pairs=2), saved := tmp_path_factory.mktemp("baseline") / "b.json")
    baseline = saved.read_text()

    def data(chance: Random, path: Path) -> object:
        ext, text = chance.choice((("csv", table), ("tsv", table.replace(",", "\t")), ("jsonl", rows)))
        return load_data(
            WorkloadSpec(model=model, dataset=str(written(path.with_suffix(f".{ext}"), mutated(text, chance))))
        )

    return {
        "command line": lambda chance, _: app.run(
            ["compare", *mutated(chance.choice(COMMANDS), chance).split(" "), "--dataset", "nowhere.csv", "--dry-run"]
        ),
        "settings": lambda chance, path: Settings.gather({}, config=written(path, mutated(SETTINGS, chance))),
        "rules": lambda chance, path: read_rules(written(path, mutated(RULES, chance))),
        "record": lambda chance, _: RunRecord.from_json(mutated(record, chance).encode("utf-8", "surrogateescape")),
        "baseline": lambda chance, path: read_baseline(written(path, mutated(baseline, chance))),
        "benchmarks": lambda chance, path: judge_benchmarks(others, [written(path, mutated(benchmarks, chance))]),
        "data": data,
    }


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", ["command line", "settings", "rules", "record", "baseline", "benchmarks", "data"])
def test_whatever_is_read_is_refused_in_a_sentence(
    name: str,
    grammars: dict[str, Callable[[Random, Path], object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    read = refused = 0
    for number in range(NUM_INPUTS):
        seed, began = f"{name} {number}", time.monotonic()
        try:
            grammars[name](Random(seed), tmp_path / "input")
            read += 1
        except BenchError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"the input of seed {seed!r}") from error
        assert time.monotonic() - began < LIMIT_SECONDS, seed
        if number % 500 == 0:
            capsys.readouterr()
    with capsys.disabled():
        print(f"{name}: {NUM_INPUTS:,} inputs (seeds {name!r} 0 to {NUM_INPUTS - 1}), {read} read, {refused} refused")  # noqa: T201
