"""Reports on disk, rendered once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.sync_api import sync_playwright

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.experiment.bounds import LENIENT
from bench.records.data_summary import ClassCount
from bench.records.readings import MemoryParts, StepParts
from bench.records.record import Flag, Memory
from reports import write_report
from tests.reports.many import many_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from bench.records.record import RunRecord

Scheme = Literal["light", "dark"]
Medium = Literal["screen", "print"]

EVIL = (
    "<script>alert(1)</script>",
    r"$\foo$",
    "[/red]",
    "_x",
    "a|b`c`\n# d",
    "W" * 60,
    '"><img src=x onerror=alert(2)>',
)
"""Names that would be markup somewhere."""

EIGHT = (
    ("full", 1.0, 2400, 0.80),
    ("freeze", 0.35, 900, 0.72),
    ("freeze:last=2+amp:dtype=bf16", 0.3, 1100, 0.79),
    ("llrd:decay=0.8", 1.01, 2390, 0.81),
    ("discriminative:body=1e-5:head=5e-5", 1.0, 2400, 0.8),
    ("checkpoint", 1.3, 1500, 0.8),
    ("compile+llrd:decay=0.9+amp", 0.8, 2500, 0.8),
    ("full+wide", 1.0, 9000, 0.8),
)
"""Strategy, seconds of a step, MiB and accuracy."""


@pytest.fixture(scope="session")
def evil() -> tuple[str, ...]:
    return EVIL


@pytest.fixture(scope="session")
def with_parts() -> Callable[[RunRecord], RunRecord]:
    """Give a finished record the parts of its peak and of its steps."""

    def split(record: RunRecord) -> RunRecord:
        measured = record.measured
        if measured is None or (peak := measured.memory.training_bytes) is None:
            return record
        before, step = measured.memory.host_before_bytes or 0, measured.train_seconds / measured.num_steps
        known = {"weights_bytes": peak // 4, "gradients_bytes": peak // 5, "optimizer_bytes": peak * 3 // 10}
        rest = peak - sum(known.values())
        parts = MemoryParts(source="host", before_bytes=before, **known, rest_bytes=rest, total_bytes=before + peak)
        steps = StepParts(data=step / 50, forward=step * 0.3, backward=step * 0.55, optimizer=step * 0.13, num_steps=4)
        memory = measured.memory.model_copy(update={"parts": parts})
        return record.model_copy(
            update={"measured": measured.model_copy(update={"memory": memory, "step_parts": steps})}
        )

    return split


@pytest.fixture(scope="session")
def cases(
    make_record: Callable[..., RunRecord], with_parts: Callable[[RunRecord], RunRecord]
) -> dict[str, tuple[RunRecord, ...]]:
    """The runs of reports that must all be readable: by name, a handful of kinds that differ as much as can be."""
    default = [
        make_record("freeze", step=0.35, memory=900 << 20, accuracy=0.72, changes={"phases": "only score trains"}),
        make_record("full", accuracy=0.74),
        make_record("amp", status="skipped", reason="this processor only emulates bf16; ask for it: amp:dtype=bf16"),
    ]
    eight = [
        make_record(
            name, seed=seed, step=step, memory=(mib << 20) + (seed << 22), accuracy=accuracy, changes={"phases": name}
        )
        for seed in range(3)
        for name, step, mib, accuracy in EIGHT[:-1]
        if (name, seed) != ("llrd:decay=0.8", 2)
    ]
    eight += [
        make_record("llrd:decay=0.8", seed=2, status="diverged", reason="the loss became NaN at step 7"),
        *(
            make_record("full+wide", seed=seed, status="oom", reason="cannot allocate 512 MiB at step 0").model_copy(
                update={"memory": Memory(host_peak_bytes=8_200_000_000, host_before_bytes=300_000_000)}
            )
            for seed in range(3)
        ),
    ]
    unlike = [make_record("full"), make_record("freeze:last=2", step=0.4, workload={"max_length": 64})]
    runs = {
        "default": default,
        "eight": eight,
        "single": [make_record()],
        "invalid": unlike,
        "sixty": many_records(make_record),
    }
    return {name: tuple(map(with_parts, records)) for name, records in runs.items()}


class _Pages(dict[str, Path]):
    """Pages by name, each made when it is first asked for."""

    def __init__(self, make: Callable[[str], Path]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, name: str) -> Path:
        self[name] = page = self.make(name)
        return page


@pytest.fixture(scope="session")
def pages(
    cases: dict[str, tuple[RunRecord, ...]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """The page of every case, one of names that would be markup, and one of several comparisons."""

    def make(name: str) -> Path:
        if name not in cases:
            page: Path = request.getfixturevalue(f"{name}_report")
            return page
        command = "python -m bench compare --seeds 3"
        return write_report([compare(cases[name])], tmp_path_factory.mktemp(name), command=command)

    return _Pages(make)


@pytest.fixture(scope="session")
def hostile_records(make_record: Callable[..., RunRecord]) -> tuple[RunRecord, ...]:
    """Two seeds of twelve strategies, everything from outside named to break something."""
    names = (*EVIL, *(f"freeze:last={last}+amp:dtype=bf16+llrd:decay=0.{last}" for last in range(5)))
    return tuple(_with_evil_classes(record) for record in _hostile(make_record, names))


def _with_evil_classes(record: RunRecord) -> RunRecord:
    measured = record.measured
    if measured is None or measured.data is None:
        return record
    classes = tuple(ClassCount(name=name, num_train=9, num_eval=3) for name in EVIL)
    data = measured.data.model_copy(
        update={"classes": classes, "num_classes": 7, "majority_class": EVIL[0], "notes": EVIL[1:3], "remarks": EVIL}
    )
    evaluation = measured.evaluation.model_copy(update={"classes": EVIL[:2]})
    return record.model_copy(update={"measured": measured.model_copy(update={"data": data, "evaluation": evaluation})})


def _hostile(make_record: Callable[..., RunRecord], names: tuple[str, ...]) -> tuple[RunRecord, ...]:
    return tuple(
        make_record(
            name,
            seed=seed,
            step=1 / (1 + index / 5),
            accuracy=0.6 + 0.02 * index,
            memory=(2 + index) << 29,
            workload={"model": EVIL[0], "dataset": f"{EVIL[1]} {EVIL[6]}"},
            flags=(Flag.model_validate({"code": EVIL[3], "message": EVIL[0]}, context=LENIENT),) if index == 1 else (),
            changes={EVIL[4]: EVIL[6]},
            **({"status": "failed", "reason": EVIL[0] + EVIL[2]} if index == 2 else {}),
        )
        for seed in range(2)
        for index, name in enumerate(names)
    )


@pytest.fixture(scope="session")
def report(records: tuple[RunRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(
        [compare(records)], tmp_path_factory.mktemp("report"), command="python -m bench compare --seeds 3"
    )


@pytest.fixture(scope="session")
def hostile_report(hostile_records: tuple[RunRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("hostile")
    return write_report([compare(hostile_records, EVIL[0])], directory, command=f"bench `{EVIL[0]}`")


@pytest.fixture(scope="session")
def joined_report(
    cases: dict[str, tuple[RunRecord, ...]],
    make_record: Callable[..., RunRecord],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Several comparisons in one page, of two models, at several lengths and learning rates."""
    scanned = [
        [
            record.model_copy(update={"spec": record.spec.model_copy(update={"lr": rate})})
            for seed in range(2)
            for name in ("full", "freeze:last=2+amp:dtype=bf16")
            for record in (
                make_record(
                    name,
                    seed=seed,
                    step=length / (50 if name == "full" else 90),
                    memory=(800 + 2 * length) << 20,
                    accuracy=0.6 + length / 1000 + rate * (2000 if name == "full" else 500),
                    workload={"max_length": length},
                ),
            )
        ]
        for length, rate in ((64, 1e-4), (256, 1e-4), (64, 2e-5))
    ]
    return write_report(
        split([cases["eight"], *scanned]), tmp_path_factory.mktemp("joined"), command="bench report a b"
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, wherever it is installed; the test is skipped where it is not."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """Open a page at a width and in a theme; every request and complaint of the console is kept."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: Path, width: int, scheme: Scheme = "light", media: Medium = "screen", **more: Any
    ) -> tuple[Page, list[str]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        noise: list[str] = []
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: noise.append(request.url) if request.url != path.as_uri() else None)
        page.on("dialog", lambda dialog: noise.append(dialog.message))
        page.emulate_media(media=media, color_scheme=scheme)
        page.goto(path.as_uri())
        return page, noise

    yield open_page
    for context in contexts:
        context.close()
