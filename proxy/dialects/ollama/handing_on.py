"""Calls about models themselves, as an Ollama server gets them: the client's own bytes, but for the names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.dialect import Payload
from proxy.dialects.ollama.names import are_same
from proxy.dialects.ollama.relays import key_of
from proxy.wire.json_text import replace_top_level_string
from proxy.wire.messages import Upload, UpstreamCall

# The answer to a client that wants no news of such work begins when the work is done.
_LONG_WORK: Final = frozenset({"pull", "push", "create"})
_LONG_WORK_S: Final = 24 * 3600.0


def model_call(
    word: str, body: bytes, payload: Payload, upstream_model: str, *, method: str = "POST", headers: Mapping[str, str] | None = None
) -> UpstreamCall:
    """The call `/api/<word>` about the model that the server knows as `upstream_model`: clients may know it by another name.

    Args:
        body: what the client sent; `payload` is the object in it.
    """
    for key in (key_of(payload, "model"), key_of(payload, "name")):
        if payload.get(key):  # The command line sends both, one of them empty.
            body = _renamed(body, payload, key, upstream_model)
    patience_s = _LONG_WORK_S if word in _LONG_WORK else None
    return UpstreamCall(f"/api/{word}", body, method=method, stream=True, first_byte_s=patience_s, headers=headers or {})


def create_call(body: bytes, payload: Payload, upstream_model: str, source: str) -> UpstreamCall:
    """The call that makes a model that the server is to know as `upstream_model` of one that it knows as `source`."""
    key = key_of(payload, "from")
    asked = payload.get(key)
    if isinstance(asked, str) and not are_same(asked, source):
        body = _renamed(body, payload, key, source)
    return model_call("create", body, payload, upstream_model)


def copy_call(body: bytes, payload: Payload, upstream_model: str, destination: str) -> UpstreamCall:
    """The call that copies the model that the server knows as `upstream_model`; it is to know the copy as `destination`."""
    body = _renamed(body, payload, key_of(payload, "source"), upstream_model)
    key = key_of(payload, "destination")
    asked = payload.get(key)
    if isinstance(asked, str) and not are_same(asked, destination):
        body = _renamed(body, payload, key, destination)
    return UpstreamCall("/api/copy", body, stream=True)


def blob_call(digest: str, upload: Upload | None) -> UpstreamCall:
    """The call that sends a blob, or, without one, asks whether there is one."""
    path = f"/api/blobs/{digest}"
    return UpstreamCall(path, method="HEAD") if upload is None else UpstreamCall(path, stream=True, upload=upload)


def _renamed(body: bytes, payload: Payload, key: str, name: str) -> bytes:
    """`body` with `name` under `key`, and `body` itself where that is what stands there."""
    if payload.get(key) == name:
        return body
    return replace_top_level_string(body, key, name)
