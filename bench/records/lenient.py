"""Records of other versions read: what is not known here is kept or left out, and never in the way of the rest."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from bench.errors import OtherVersion, RecordError
from bench.experiment.bounds import LENIENT

__all__ = ["read_json"]

Record = TypeVar("Record", bound=BaseModel)

_MAY_LACK = ("measured", "memory")
"""Where a part that is named by an unknown word is not measured."""


class _Versioned(BaseModel):
    """What a record of any version has, whatever else it holds."""

    schema_version: int


def read_json(kind: type[Record], version: int, text: str | bytes) -> Record:
    """Read a record, whatever else a later version of its schema has written into it.

    Fields that `kind` does not have are kept beside its own, in `model_extra`, so that records which differ in them
    are not equal. Unknown words stay where `Lenient` allows them; a run that ended in an unknown way failed.
    What is written is held to `kind` alone: only a reader is lenient.

    Raises:
        OtherVersion: it is of another schema than `version`.
        RecordError: it is no record, or holds a number that nothing can have measured.

    """
    try:
        written = _Versioned.model_validate_json(text).schema_version
        if written == version:
            return _read(kind, text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecordError(f"not a record of schema {version}: {where}: {first['msg']}") from error
    raise OtherVersion(
        f"a record of schema version {written}, but this bench reads version {version}; "
        "read it with the version of bench that wrote it"
    )


def _read(kind: type[Record], text: str | bytes) -> Record:
    try:
        return kind.model_validate_json(text, extra="allow", context=LENIENT)
    except ValidationError as error:
        unknown = [
            each["loc"] for each in error.errors() if each["type"] == "literal_error" and isinstance(each["input"], str)
        ]
        if len(unknown) < error.error_count() or any(loc[0] not in (*_MAY_LACK, "status") for loc in unknown):
            raise
    content = from_json(text)
    for loc in reversed(unknown):  # of a sequence, the last first
        if loc == ("status",):
            ending = f"it ended as {content['status']!r}, which this version of bench does not know"
            content |= {"status": "failed", "reason": ending}
        else:
            _remove(content, loc[:-1])
    return kind.model_validate(content, extra="allow", context=LENIENT)


def _remove(content: Any, loc: tuple[int | str, ...]) -> None:
    *path, last = loc
    for step in path:
        content = content[step]
    del content[last]
