from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from bench.protocol import Failed, Finished, Progress, Request, Stage, read_message
from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


def test_a_stage_has_the_wire_name_that_gates_of_other_versions_know() -> None:
    stage = Stage(name="train", at=1.5)
    assert json.loads(stage.model_dump_json()) == {"kind": "phase", "name": "train", "at": 1.5, "detail": ""}
    assert read_message(stage.model_dump_json()) == stage


def test_a_loss_that_is_no_number_comes_through() -> None:
    told = read_message(Progress(done=3, total=9, loss=math.nan).model_dump_json())
    assert isinstance(told, Progress)
    assert told.loss is not None
    assert math.isnan(told.loss)


def test_what_a_run_measured_comes_through_whole(make_record: Callable[..., RunRecord]) -> None:
    record = make_record()
    flags = (Flag(code="mig-slice", message="m"),)
    finished = Finished(measured=record.measured, environment=record.environment, flags=flags)
    assert read_message(finished.model_dump_json()) == finished
    request = Request(spec=record.spec, mode="dry")
    assert Request.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "phase", "name": "trian", "at": 1}',
        '{"kind": "stage", "name": "train", "at": 1}',
        '{"kind": "finished", "flags": [{"code": "swop", "message": "m"}]}',
        '{"kind": "saved", "where": "here"}',
    ],
)
def test_a_message_of_this_version_holds_known_words_alone(text: str) -> None:
    with pytest.raises(ValidationError):
        read_message(text)


def test_a_failure_says_how_it_ended() -> None:
    with pytest.raises(ValidationError, match="Input should be 'oom'"):
        Failed(status="ok", reason="r")  # type: ignore[arg-type]


def test_a_parent_that_knows_no_forecast_is_sent_none(make_record: Callable[..., RunRecord]) -> None:
    """A gate of an earlier version refuses a message that it does not know, and asks for none."""
    before = json.loads(Request(spec=make_record().spec).model_dump_json(exclude={"forecast", "force"}))
    request = Request.model_validate_json(json.dumps(before))
    assert (request.forecast, request.force) == (False, False)
