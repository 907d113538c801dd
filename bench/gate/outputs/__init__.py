"""One judgement in many forms; no output decides anything by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.files import replace_file
from bench.gate.outputs.annotations import to_annotations
from bench.gate.outputs.dashboards import to_bencher, to_smaller_is_better
from bench.gate.outputs.gate_json import read_json, to_json
from bench.gate.outputs.junit import to_junit
from bench.gate.outputs.markdown import MARKER, to_markdown
from bench.gate.outputs.sarif import to_sarif
from bench.gate.outputs.terminal import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.gate.judging.judgement import Judgement

__all__ = ["FORMATS", "MARKER", "Format", "announce", "read_json", "render", "show", "write"]


@dataclass(frozen=True, slots=True)
class Format:
    """A form that lies in a file."""

    file_name: str
    render: Callable[[Judgement, bool], str]
    """With whether inconclusive is red."""


FORMATS: dict[str, Format] = {
    "json": Format("gate.json", lambda judgement, _: to_json(judgement)),
    "markdown": Format("gate.md", lambda judgement, _: to_markdown(judgement)),
    "junit": Format("gate.junit.xml", lambda judgement, strict: to_junit(judgement, strict=strict)),
    "sarif": Format("gate.sarif", lambda judgement, _: to_sarif(judgement)),
    "github-action-benchmark": Format("gate.smaller-is-better.json", lambda it, _: to_smaller_is_better(it)),
    "bencher": Format("gate.bencher.json", lambda judgement, _: to_bencher(judgement)),
    "annotations": Format("gate.annotations.txt", lambda judgement, _: to_annotations(judgement)),
}
"""By the name that the command line knows."""


def render(judgement: Judgement, name: str, *, strict: bool = False) -> str:
    """Write the judgement in a form of FORMATS."""
    return FORMATS[name].render(judgement, strict)


def write(judgement: Judgement, directory: Path, *, strict: bool = False) -> tuple[Path, ...]:
    """Write every form into a directory, which is made where it does not exist.

    Raises:
        OSError: the directory cannot be written.

    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for form in FORMATS.values():
        path = directory / form.file_name
        replace_file(path, form.render(judgement, strict).encode())
        paths.append(path)
    return tuple(paths)


def announce(judgement: Judgement, environ: Mapping[str, str]) -> str:
    """Append the Markdown to the summary of a GitHub workflow step, and return the commands to print; both only there.

    Raises:
        OSError: the summary cannot be written.

    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return ""
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(to_markdown(judgement))
    return to_annotations(judgement)
