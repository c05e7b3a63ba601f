"""show, pull, push, create, copy, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.dialects.ollama.parsing import (
    CopyRequest,
    CreateRequest,
    DeleteRequest,
    ShowRequest,
    TransferRequest,
    parse_copy,
    parse_create,
    parse_delete,
    parse_pull,
    parse_push,
    parse_show,
)
from proxy.errors import InvalidRequest


@pytest.mark.parametrize("payload", [{"model": "m"}, {"name": "m"}, {"model": "", "name": "m"}, {"model": None, "NAME": "m"}])
@pytest.mark.parametrize("parse", [parse_show, parse_pull, parse_push, parse_delete])
def test_fact_12_fact_63_model_or_name_names_the_model(parse: Any, payload: dict[str, Any]) -> None:
    assert parse(payload).model == "m"


def test_model_wins_over_name() -> None:
    assert parse_show({"model": "m", "name": "n"}).model == "m"


def test_show_takes_overlays() -> None:
    assert parse_show({"model": "m"}) == ShowRequest("m")
    payload = {"model": "m", "verbose": True, "system": "s", "template": "t", "options": {"num_ctx": 5}}
    assert parse_show(payload) == ShowRequest("m", verbose=True, system="s", template="t", options={"num_ctx": 5})


@pytest.mark.parametrize(
    ("sent", "stream", "insecure"), [({}, True, False), ({"stream": None}, True, False), ({"stream": False, "insecure": True}, False, True)]
)
def test_pull_and_push_stream_unless_told_not_to(sent: dict[str, Any], stream: bool, insecure: bool) -> None:
    wanted = TransferRequest("m", stream=stream, insecure=insecure)
    assert parse_pull({"model": "m", **sent}) == wanted
    assert parse_push({"model": "m", **sent}) == wanted


@pytest.mark.parametrize(
    ("source", "made_of", "needs_blobs"), [({"from": "n"}, "n", False), ({"files": {"a.gguf": "sha256:00"}}, "", True)]
)
def test_create_needs_a_source(source: dict[str, Any], made_of: str, needs_blobs: bool) -> None:
    wanted = CreateRequest("m", made_of, needs_blobs=needs_blobs)
    assert parse_create({"model": "m", **source}) == wanted
    assert parse_create({"model": "m", "stream": False, **source}) == replace(wanted, stream=False)


def test_copy_and_delete() -> None:
    assert parse_copy({"source": " a", "destination": "b"}) == CopyRequest(" a", "b")
    assert parse_delete({"name": "m"}) == DeleteRequest("m")


@pytest.mark.parametrize(
    ("parse", "payload", "complaint"),
    [
        (parse_show, {}, "model is required"),
        (parse_push, {}, "model is required"),
        (parse_pull, {}, "invalid model name"),
        (parse_create, {}, "invalid model name"),
        (parse_create, {"model": "m"}, "neither 'from' or 'files' was specified"),
        (parse_create, {"model": "m", "modelfile": "FROM x"}, "neither 'from' or 'files' was specified"),
        (parse_delete, {}, 'name "" is invalid'),
        (parse_copy, {"destination": "b"}, 'source "" is invalid'),
        (parse_copy, {"source": "a"}, 'destination "" is invalid'),
        (parse_copy, {"source": "a", "destination": "b\n"}, "invalid model name"),
        (parse_show, {"model": "a\x7f"}, "invalid model name"),
    ],
)
def test_what_is_missing_is_refused_in_ollamas_words(parse: Any, payload: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(payload)
    assert (caught.value.message, caught.value.status) == (complaint, 400)
