"""Requests made from a service's published model, and answers held against it."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import ListShape, OperationModel, Shape, StructureShape

# Deep enough for every shape of ECS; a bound, because shapes may contain themselves.
_DEPTH = 8


def sample(shape: Shape, whole: bool = False, depth: int = 0) -> Any:
    """A value of `shape`: with its required members only, or with all of them."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, whole, depth)
    if kind == "list":
        return _list(shape, whole, depth)
    if kind == "map":
        return {sample(shape.key, whole, depth + 1): sample(shape.value, whole, depth + 1)} if whole and depth < _DEPTH else {}
    return _scalar(shape)


def _structure(shape: StructureShape, whole: bool, depth: int) -> dict[str, Any]:
    names = list(shape.members) if whole and depth < _DEPTH else list(shape.required_members)
    if shape.metadata.get("union"):
        names = list(shape.members)[:1]
    return {name: sample(shape.members[name], whole, depth + 1) for name in names}


def _list(shape: ListShape, whole: bool, depth: int) -> list[Any]:
    at_least = max(1, shape.metadata.get("min", 1))
    return [sample(shape.member, whole, depth + 1) for _ in range(at_least)]


def _scalar(shape: Shape) -> Any:
    least = shape.metadata.get("min", 1)
    match shape.type_name:
        case "string" | "character":
            return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, least)
        case "integer" | "long":
            return max(1, least)
        case "float" | "double":
            return float(max(1, least))
        case "boolean":
            return True
        case "timestamp":
            return datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        case "blob":
            return b"x"
    raise AssertionError(f"{shape.name} is of the unknown type {shape.type_name}")


@dataclass
class Answer:
    """What came back for one call, raw and as boto3 reads it."""

    status: int
    body: bytes
    parsed: dict[str, Any] | None
    error: ClientError | None

    @property
    def code(self) -> str | None:
        return self.error and self.error.response["Error"]["Code"]

    @property
    def message(self) -> str:
        return self.error.response["Error"]["Message"] if self.error else ""


def call(client: Any, operation: OperationModel, request: dict[str, Any]) -> Answer:
    """Calls an operation and keeps what came over the wire."""
    raw: list[dict[str, Any]] = []

    def keep(response_dict: dict[str, Any], **_: Any) -> None:
        raw.append(response_dict)

    event = f"before-parse.{client.meta.service_model.service_id.hyphenize()}.{operation.name}"
    client.meta.events.register(event, keep)
    try:
        parsed, error = client._make_api_call(operation.name, request), None
    except ClientError as refusal:
        parsed, error = None, refusal
    finally:
        client.meta.events.unregister(event, keep)
    assert len(raw) == 1, f"{operation.name} was answered {len(raw)} times"
    return Answer(raw[0]["status_code"], raw[0]["body"], parsed, error)


def assert_fits(shape: Shape | None, value: Any, path: str = "answer") -> None:
    """Holds a JSON answer against its shape: no member that the model lacks, no value of another type."""
    if shape is None:
        assert value in (None, {}), f"{path} should be empty: {value!r}"
        return
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), f"{path} is no structure: {value!r}"
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path} has members that are not in the model: {sorted(unknown)}"
        missing = set(shape.required_members) - set(value)
        assert not missing, f"{path} lacks {sorted(missing)}"
        for name, member in value.items():
            assert_fits(shape.members[name], member, f"{path}.{name}")
    elif kind == "list":
        assert isinstance(value, list), f"{path} is no list: {value!r}"
        for at, member in enumerate(value):
            assert_fits(shape.member, member, f"{path}[{at}]")
    elif kind == "map":
        assert isinstance(value, dict), f"{path} is no map: {value!r}"
        for key, member in value.items():
            assert_fits(shape.value, member, f"{path}[{key}]")
    else:
        _assert_scalar(shape, value, path)


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


def _assert_scalar(shape: Shape, value: Any, path: str) -> None:
    fits = isinstance(value, _TYPES[shape.type_name]) and (shape.type_name == "boolean" or not isinstance(value, bool))
    assert fits, f"{path} is no {shape.type_name}: {value!r}"
    words = getattr(shape, "enum", None)
    assert not words or value in words, f"{path} is none of {words}: {value!r}"


def json_of(answer: Answer) -> Any:
    """The JSON of an answer's body."""
    return json.loads(answer.body or b"{}")
