"""The operator's key stays in the house, whatever the upstream says."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pytest

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.upstream.key_cover import KeyCover
from proxy.upstream.retry import RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.upstream.conftest import MakeClient

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
KEYS = ["sk-proj-abcdefgh1234", "correct-horse-battery-staple", "ab1z", "k9/+=", 'qu"ote\\key', "schlüssel-1", "a&b<c>d", "letters"]


def shown(error: UpstreamError) -> str:
    """All that an error holds, as it is and as JSON."""
    held = [
        str(error),
        error.message,
        error.param,
        error.code,
        *error.args,
        getattr(error, "raw", None),
        dict(getattr(error, "headers", {})),
    ]
    return json.dumps(held, ensure_ascii=False, default=str) + repr(held)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    raw = json.loads(body)
    own = raw["error"]
    words = " ".join(own["message"].split())[:60]
    return UpstreamRefused(words, status=status, param=own["param"], code=own["code"], raw=raw, headers=headers)


@pytest.mark.parametrize("key", [key for key in KEYS if key.isascii()])
@pytest.mark.parametrize("is_escaped", [False, True])
def test_a_key_that_comes_back_is_covered_everywhere(
    upstream: FakeUpstream, make_client: MakeClient, caplog: pytest.LogCaptureFixture, key: str, is_escaped: bool
) -> None:
    caplog.set_level(logging.DEBUG, "proxy")
    own = {"message": f"no {key} here", "type": key, "param": f"{key} ", "code": key, "more": [{"deep": f"({key})"}]}
    body = json.dumps({"error": own}).encode()
    if is_escaped:
        body = body.replace(json.dumps(key)[1:-1].encode(), "".join(f"\\u{ord(letter):04x}" for letter in key).encode())
    upstream.on("/chat/completions", Answer(401, {"X-Request-ID": f"id {key}"}, [body], "length"))
    client = make_client(api_key=f" {key}\n", read_error=read_error)
    with pytest.raises(UpstreamRefused) as caught:
        client.send(CHAT)
    assert (caught.value.message, caught.value.code) == ("no [key] here", "[key]")
    assert key not in shown(caught.value)
    assert json.dumps(key)[1:-1] not in shown(caught.value)
    assert client.health()["last_error"] == "no [key] here"
    assert not any(key in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("key", ["sk-proj-abcdefgh1234", "correct-horse-battery-staple", "ab1z"])
def test_a_key_that_is_glued_to_other_letters_is_covered(upstream: FakeUpstream, make_client: MakeClient, key: str) -> None:
    upstream.on(
        "/chat/completions", json_answer({"error": {"message": f"Key{key}isBad and _{key}_", "param": None, "code": f"x{key}y"}}, 401)
    )
    client = make_client(api_key=key, read_error=read_error)
    with pytest.raises(UpstreamRefused, match=r"Key\[key\]isBad and _\[key\]_") as caught:
        client.send(CHAT)
    assert key not in shown(caught.value)
    assert key not in client.health()["last_error"]


def test_no_beginning_of_a_key_is_left_where_a_message_was_cut_short(upstream: FakeUpstream, make_client: MakeClient) -> None:
    key = "correct-horse-battery-staple"
    upstream.on("/chat/completions", json_answer({"error": {"message": "x" * 50 + " " + key, "param": None, "code": None}}, 401))
    with pytest.raises(UpstreamRefused) as caught:
        make_client(api_key=key, read_error=read_error).send(CHAT)
    assert "corr" not in caught.value.message


def test_a_placeholder_is_covered_where_it_stands_alone() -> None:
    cover = KeyCover(["EMPTY"])
    error = UpstreamRefused("EMPTY is no key; messages must not be EMPTY_LIST or NONEMPTY", status=401, code="EMPTY", param="EMPTYNESS")
    cover.over_error(error)
    assert error.message == "[key] is no key; messages must not be EMPTY_LIST or NONEMPTY"
    assert (error.code, error.param) == ("[key]", "EMPTYNESS")
    body = b'{"EMPTY": "EMPTY"}'
    assert cover.over_body(body) == body


def test_what_names_the_members_of_an_error_stays_readable() -> None:
    cover = KeyCover(["error"])
    assert cover.over_body(b'{"error": {"message": "error"}}') == b'{"error": {"message": "error"}}'


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "write", [json.dumps, lambda key: json.dumps(key, ensure_ascii=False), lambda key: json.dumps(key).replace("/", "\\/")]
)
def test_a_body_stays_json_when_a_key_is_covered(key: str, write: object) -> None:
    body = b'{"error": {"message": ' + write(key).encode() + b"}}"  # type: ignore[operator]
    cover = KeyCover([key])
    error = UpstreamRefused("no", status=401, raw=json.loads(cover.over_body(body)))
    cover.over_error(error)
    assert error.raw == {"error": {"message": "[key]"}}


def test_without_a_key_nothing_is_changed() -> None:
    for keys in ([], [""], ["  "]):
        error = UpstreamRefused("no", status=401, raw={"a": "b"})
        KeyCover(keys).over_error(error)
        assert (error.message, error.raw, KeyCover(keys).over_body(b"x")) == ("no", {"a": "b"}, b"x")


def test_a_key_in_the_query_of_the_base_url_is_one_too(upstream: FakeUpstream, make_client: MakeClient) -> None:
    said = "api-version 2024-10-21 is too old for /v1/chat?key=q%2Fzz-top-9&x=1 (q/zz-top-9)"
    upstream.on("/chat/completions", json_answer({"error": {"message": said, "param": None, "code": None}}, 400))
    client = make_client(base_url=f"{upstream.base_url}?api-version=2024-10-21&key=q%2Fzz-top-9", api_key="")
    with pytest.raises(UpstreamRefused) as caught:
        client.send(CHAT)
    assert caught.value.message == "api-version 2024-10-21 is too old for /v1/chat?key=[key]&x=1 ([key])"


@pytest.mark.parametrize("kind", [UpstreamBroken, lambda text: UpstreamRefused(text, status=503, upstream_status=200, raw={"error": text})])
def test_an_error_inside_a_success_is_covered_before_it_is_told(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, kind: object
) -> None:
    error = kind("who is ab1z?")  # type: ignore[operator]
    make_client(api_key="ab1z", policy=RetryPolicy(max_retries=0)).ask_again(error, ExchangeNotes(attempts=1))
    assert error.message == "who is [key]?"
    assert "ab1z" not in shown(error) + str([vars(record) for record in caplog.records])
