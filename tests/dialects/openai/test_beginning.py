"""How a relayed stream begins: what counts as an answer, and what does not."""

from __future__ import annotations

import json

import pytest

from proxy.dialects.openai.beginning import KEEP_ALIVE, begins
from proxy.dialects.openai.ingress import CHAT
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.fake_upstream import sse


def chunk(delta: object, **members: object) -> dict[str, object]:
    return {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": None, **members}]}


RECORD = b"data: " + json.dumps(chunk({"role": "assistant", "content": "hi"})).encode()
ROLE = chunk({"role": "assistant", "content": ""})
NO_CHOICE = {"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
USAGE = {"id": "1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 0}}


@pytest.mark.parametrize(
    "head",
    [
        RECORD + b"\n\n",
        RECORD + b"\r\n\r\n",
        RECORD.replace(b": ", b":", 1) + b"\n\ndata: [DONE]\n\n",
        b": OPENROUTER PROCESSING\n\n" * 3 + RECORD + b"\n\n",
        b"\xef\xbb\xbf" + RECORD + b"\n\n",
        b"event: completion\nid: 7\nretry: 10\n" + RECORD + b"\n\n",
        b'data: {\ndata: "choices": [1]}\n\n',
        b'data: {"choices": [{"text": "a", "logprobs": NaN}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n',
        b'data: {"choices": [1], "error": null}\n\n',
        b'data: {"type": "response.created"}\n\n',
        *(
            b"".join(sse(*records, done=False))
            for records in (
                [chunk({"content": " "})],
                [ROLE, chunk({"content": "a"})],
                [NO_CHOICE, ROLE, USAGE, chunk({"reasoning_content": "a"})],
                [ROLE, chunk({"tool_calls": [{"index": 0}]})],
                [ROLE, chunk({}, finish_reason="length")],
                [ROLE, chunk({"content": ""}, logprobs={"content": [{"token": "a"}]})],
                [{"choices": [{"index": 0, "text": "a"}]}],
                [chunk({"content": None}) | {"prompt_progress": {"processed": 5}}],
                [ROLE] * 300,
            )
        ),
        b"".join(sse(ROLE)),
        b"".join(sse(NO_CHOICE, ROLE)),
    ],
)
def test_record_of_an_answer_is_a_beginning(head: bytes) -> None:
    assert begins(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n",
        KEEP_ALIVE,
        b": a\n\n: b\n\n",
        b"event: x\n",
        b"data:\n\n",
        RECORD,
        RECORD + b"\n",
        b"no field at all\n\n",
        b"hello: you\n\n",
        *(
            b"".join(sse(*records, done=False))
            for records in (
                [ROLE],
                [ROLE, ROLE],
                [NO_CHOICE],
                [NO_CHOICE, USAGE],
                [chunk({})],
                [
                    chunk(
                        {"role": "assistant", "content": None, "tool_calls": [], "refusal": None}, logprobs={"content": [], "refusal": None}
                    )
                ],
                [{"choices": [{"index": 0, "content_filter_results": {}}]}],
                [{"choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": None}]}],
            )
        ),
        b": wait\n\n" + sse(ROLE)[0] + RECORD,
    ],
)
def test_what_says_nothing_yet_is_no_beginning(head: bytes) -> None:
    assert not begins(head)


@pytest.mark.parametrize(
    ("head", "status", "message"),
    [
        (sse({"error": {"message": "slow down", "code": 429}})[0], 429, "slow down"),
        (b": wait\n\n" + sse({"error": {"message": "gone", "code": 503}})[0], 503, "gone"),
        (sse({"error": "out of memory"})[0], 502, "out of memory"),
        (b'event: error\ndata: {"message": "no slot", "code": 503}\n\n', 503, "no slot"),
        (b"event: error\ndata: broken pipe\n\n", 502, "broken pipe"),
        (b'error: {"message": "no slot", "code": 500}\n\n', 500, "no slot"),
        (b'{"error": {"message": "quota", "code": 429}}\n\n', 429, "quota"),
        (b"".join(sse(ROLE, {"error": {"message": "crashed", "code": 503}})), 503, "crashed"),
    ],
)
def test_error_is_told_as_one(head: bytes, status: int, message: str) -> None:
    with pytest.raises(UpstreamRefused) as told:
        begins(head)
    assert (told.value.status, told.value.message) == (status, message)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"<!doctype html>\n", "web page"),
        (b"\n <html>\n", "web page"),
        (b"data: [DONE]\n\n", "without having given one"),
        (b"".join(sse(NO_CHOICE, USAGE)), "without having given one"),
        (sse(ROLE)[0] + b"data: {oops\n\n", "no JSON: "),
        (b"data: hello\n\n", "no JSON: "),
        (b'data: {"choices": [\n\n', "no JSON: "),
        (b'{"choices": []}\n\n', "something else"),
    ],
)
def test_what_no_stream_is_made_of_is_broken(head: bytes, message: str) -> None:
    with pytest.raises(UpstreamBroken, match=message.replace("[", r"\[")):
        begins(head)


def test_sign_of_life_is_a_comment_of_its_own() -> None:
    assert KEEP_ALIVE.startswith(b":")
    assert KEEP_ALIVE.endswith(b"\n\n")


@pytest.mark.parametrize(
    "body", [b'{"error": {"message": "no"}}', b' {"error": "no", "choices": []}', b'{"object": "list", "error": {"code": 503}}']
)
def test_error_in_place_of_an_answer_is_a_refusal(body: bytes) -> None:
    assert CHAT.refusal_in(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"message": {"content": "hi"}}]}',
        b'{"choices": [{"message": {"content": "hi"}}], "error": {"message": "a warning"}}',
        b'{"choices": [{"error": {"message": "of a choice"}}]}',
        b'{"data": [{"embedding": [1.0]}], "error": {"message": "a warning"}}',
        b'{"choices": [], "error": null}',
        b'["error"]',
        b'{"error": ',
    ],
)
def test_anything_else_is_no_refusal(body: bytes) -> None:
    assert CHAT.refusal_in(body) is None
