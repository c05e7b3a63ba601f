"""Calls about models, as an Ollama server gets them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.dialects.ollama.handing_on import blob_call, copy_call, model_call
from proxy.wire.messages import Upload

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (b'{ "model": "local/x" , "insecure": true }', b'{ "model": "x" , "insecure": true }'),
        (b'{"model":"","name":"local/x","verbose":false}', b'{"model":"","name":"x","verbose":false}'),
        (b'{"Name":"local/x"}', b'{"Name":"x"}'),
        (b'{"model":"x","files":{"model":"y"}}', b'{"model":"x","files":{"model":"y"}}'),
    ],
)
def test_only_the_name_is_replaced(sent: bytes, got: bytes) -> None:
    call = model_call("pull", sent, orjson.loads(sent), "x")

    assert (call.path, call.method, call.stream, call.body) == ("/api/pull", "POST", True, got)


def test_a_call_may_have_a_method_and_headers_of_its_own() -> None:
    assert model_call("delete", b'{"model":"x"}', {"model": "x"}, "x", method="DELETE").method == "DELETE"
    assert model_call("show", b'{"model":"x"}', {"model": "x"}, "x", headers={"user-agent": "me"}).headers == {"user-agent": "me"}


def test_work_that_takes_long_is_waited_for() -> None:
    calls = {word: model_call(word, b"{}", {}, "x") for word in ("pull", "push", "create", "show", "delete")}

    assert {word for word, call in calls.items() if call.first_byte_s} == {"pull", "push", "create"}


@pytest.mark.parametrize(("destination", "named"), [("y", "y"), ("local/y", "y"), ("y:latest", "y:latest")])
def test_a_copy_gets_the_names_of_its_server(destination: str, named: str) -> None:
    payload: dict[str, Any] = {"source": "local/x", "destination": destination}
    call = copy_call(orjson.dumps(payload), payload, "x", "y")

    assert call.path == "/api/copy"
    assert call.body == orjson.dumps({"source": "x", "destination": named})


def test_blobs_are_asked_for_and_sent() -> None:
    upload = Upload(iter([b"x"]), 1)

    assert (blob_call(DIGEST, None).method, blob_call(DIGEST, None).path) == ("HEAD", f"/api/blobs/{DIGEST}")
    assert (blob_call(DIGEST, upload).method, blob_call(DIGEST, upload).upload) == ("POST", upload)
