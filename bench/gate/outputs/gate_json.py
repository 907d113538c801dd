"""gate.json: the whole judgement, to be read by programs. `gate.schema.json` beside this file documents it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ConfigDict, ValidationError

from bench.errors import RecordError
from bench.experiment.bounds import Frozen
from bench.gate.judging.judgement import Judgement, Verdict

__all__ = ["SCHEMA_VERSION", "read_json", "schema", "to_json"]

SCHEMA_VERSION = 1


class Gate(Frozen):
    """The judgement of one gate, and what follows from it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    schema_version: int = SCHEMA_VERSION
    """Of this file; another number is another format."""
    verdict: Verdict
    """The most severe verdict of all findings."""
    exit_code: int
    """0 pass, warn, improved or inconclusive; 1 a regression; 4 not measured; 5 head crashed."""
    exit_code_strict: int
    """The same with --strict, where inconclusive is 3."""
    judgement: Judgement
    """What was found."""


def to_json(judgement: Judgement) -> str:
    """Write the judgement."""
    gate = Gate(
        verdict=judgement.verdict,
        exit_code=judgement.exit_code(),
        exit_code_strict=judgement.exit_code(strict=True),
        judgement=judgement,
    )
    return gate.model_dump_json(indent=1) + "\n"


def read_json(text: str | bytes) -> Judgement:
    """Read a judgement back.

    Raises:
        RecordError: the text is no gate.json of this version.

    """
    try:
        gate = Gate.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecordError(f"not a gate.json of schema {SCHEMA_VERSION}: {where}: {first['msg']}") from error
    if gate.schema_version != SCHEMA_VERSION:
        raise RecordError(f"a gate.json of schema {gate.schema_version}, but this bench reads {SCHEMA_VERSION}")
    return gate.judgement


def schema() -> dict[str, Any]:
    """Describe gate.json as a JSON Schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Gate.model_json_schema(mode="serialization")


def schema_text() -> str:
    """Write the schema as it lies beside this file."""
    return json.dumps(schema(), indent=1) + "\n"
