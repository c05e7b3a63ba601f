"""Reads the requests about models themselves: show, pull, push, create, copy, delete. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.dialect import Payload
from proxy.dialects.ollama.naming import asked_model, checked_name, required_model
from proxy.dialects.ollama.schemas import COPY, CREATE, DELETE, PULL, PUSH, SHOW
from proxy.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ShowRequest:
    """Which model to describe. `system`, `template` and `options` overlay what the model itself says."""

    model: str
    verbose: bool = False
    system: str = ""
    template: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Which model to pull or push."""

    model: str
    stream: bool = True
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """Which model to create; `source` is the one that it is made of, `""` where it is made of files alone. `needs_blobs` says whether files
    are part of it that were sent before.
    """

    model: str
    source: str = ""
    stream: bool = True
    needs_blobs: bool = False


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """Which model to copy, and to which name."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """Which model to delete."""

    model: str


def parse_show(payload: Payload) -> ShowRequest:
    """The request to `/api/show`. Raises `InvalidRequest`."""
    row = SHOW.read(payload)
    overlays = {name: row[name] for name in ("verbose", "system", "template", "options") if name in row}
    return ShowRequest(required_model(row), **overlays)


def parse_pull(payload: Payload) -> TransferRequest:
    """The request to `/api/pull`. Raises `InvalidRequest`."""
    row = PULL.read(payload)
    return TransferRequest(_named_model(row, "invalid model name"), row.get("stream", True), row.get("insecure", False))


def parse_push(payload: Payload) -> TransferRequest:
    """The request to `/api/push`. Raises `InvalidRequest`."""
    row = PUSH.read(payload)
    return TransferRequest(required_model(row), row.get("stream", True), row.get("insecure", False))


def parse_create(payload: Payload) -> CreateRequest:
    """The request to `/api/create`. Raises `InvalidRequest`."""
    row = CREATE.read(payload)
    model = _named_model(row, "invalid model name")
    source = checked_name(row.get("from", ""), "from")
    if not source and "files" not in row:
        raise InvalidRequest("neither 'from' or 'files' was specified", param="from")
    return CreateRequest(model, source, row.get("stream", True), bool(row.get("files") or row.get("adapters")))


def parse_copy(payload: Payload) -> CopyRequest:
    """The request to `/api/copy`. Raises `InvalidRequest`."""
    row = COPY.read(payload)
    return CopyRequest(_copy_end(row, "source"), _copy_end(row, "destination"))


def parse_delete(payload: Payload) -> DeleteRequest:
    """The request to `/api/delete`. Raises `InvalidRequest`."""
    row = DELETE.read(payload)
    return DeleteRequest(_named_model(row, 'name "" is invalid'))


def _named_model(row: Mapping[str, Any], complaint: str) -> str:
    model = asked_model(row)
    if not model:
        raise InvalidRequest(complaint, param="model")
    return model


def _copy_end(row: Mapping[str, Any], end: str) -> str:
    name = checked_name(row.get(end, ""), end)
    if not name:
        raise InvalidRequest(f'{end} "" is invalid', param=end)
    return name
