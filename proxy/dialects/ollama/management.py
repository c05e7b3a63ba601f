"""Reads the requests about models themselves: show, pull, push, create, copy, delete. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.dialect import Payload


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
    """Which model to create; its source is checked for presence only."""

    model: str
    stream: bool = True


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
    raise NotImplementedError


def parse_pull(payload: Payload) -> TransferRequest:
    """The request to `/api/pull`. Raises `InvalidRequest`."""
    raise NotImplementedError


def parse_push(payload: Payload) -> TransferRequest:
    """The request to `/api/push`. Raises `InvalidRequest`."""
    raise NotImplementedError


def parse_create(payload: Payload) -> CreateRequest:
    """The request to `/api/create`. Raises `InvalidRequest`."""
    raise NotImplementedError


def parse_copy(payload: Payload) -> CopyRequest:
    """The request to `/api/copy`. Raises `InvalidRequest`."""
    raise NotImplementedError


def parse_delete(payload: Payload) -> DeleteRequest:
    """The request to `/api/delete`. Raises `InvalidRequest`."""
    raise NotImplementedError
