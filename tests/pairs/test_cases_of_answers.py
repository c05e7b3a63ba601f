"""Answers that gateways are known to get wrong: the bytes of an upstream, and what every client must be told. `cases.toml` has them all.

The bytes of OpenAI-style upstreams are translated for OpenAI's clients, too, as they are for all others.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fake_upstream import sse
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.machines import rendered
from tests.pairs.scenes import Scene
from tests.pairs.told import Told
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OLLAMA, OPENAI, Egress

Json = dict[str, Any]
ASKED = Scene("asked", tools=True, thinks=True)


@dataclass(frozen=True)
class Case:
    """One of them.

    Attributes:
        told: what all clients are told; `error` is a part of the message.
        apart: what single ones are told instead.
    """

    number: int
    egress: Egress
    chunks: Sequence[bytes]
    told: Json
    apart: dict[str, Json] = field(default_factory=dict)


def said(delta: Json, finish: str | None = None, **more: Any) -> Json:
    """A chunk of an OpenAI-style upstream."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def text(words: str, finish: str | None = None) -> Json:
    return said({"content": words}, finish)


def used(prompt: int, completion: int, **more: Any) -> Json:
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}, **more}


def call(arguments: Any, **more: Any) -> Json:
    """A piece of a call. An empty `name` and `id` are left out."""
    named = {"name": more.pop("name")} if "name" in more else {}
    given = {} if arguments is None else {"arguments": arguments}
    return {**more, "type": "function", "function": {**named, **given}}


def calls(*pieces: Json, finish: str | None = None) -> Json:
    return said({"tool_calls": list(pieces)}, finish)


def openai(number: int, *chunks: Any, apart: dict[str, Json] | None = None, done: bool = True, **told: Any) -> Case:
    """A case of a stream of these chunks; bytes among them are written as they are."""
    written = [chunk if isinstance(chunk, bytes) else sse(chunk, done=False)[0] for chunk in chunks]
    return Case(number, OPENAI, [*written, *([b"data: [DONE]\n\n"] if done else [])], told, apart or {})


def bytewise(body: bytes) -> list[bytes]:
    return [body[place : place + 1] for place in range(len(body))]


END = said({}, "stop")
F: Any = ("f", {"x": 1})
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    **used(9, 7),
}
HELLO = b"".join(sse(text("Hel"), text("lo 北😀"), END))
HELD: Json = {"text": "Hello 北😀", "finish": "stop", "error": ""}
THOUGHT: Json = {"thoughts": "plan", "text": "ok", "finish": "stop"}
CALLED: Json = {"calls": [F], "finish": "tool_calls", "text": ""}
TWICE: Json = {"calls": [F, ("g", {"y": 2})], "finish": "tool_calls"}
BOOM: Json = {"text": "hal", "error": "boom", "ended": False}


def line(message: Json, **more: Any) -> bytes:
    message = {"role": "assistant", "content": "", **message}
    return json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **more}).encode() + b"\n"


def last(reason: str = "stop", **more: Any) -> bytes:
    return line({}, **{"done": True, "done_reason": reason, "prompt_eval_count": 9, "eval_count": 7, **more})


def candidate(*parts: Json, finish: str = "", **more: Any) -> Json:
    reason = {"finishReason": finish} if finish else {}
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **reason}], "responseId": "r", **more}


def gemini(*records: Json) -> list[bytes]:
    return [b"data: " + json.dumps(record).encode() + b"\r\n\r\n" for record in records]


def claude(*blocks: tuple[Json, Iterable[Json]], reason: str = "end_turn", **more: Any) -> list[bytes]:
    """A stream of Anthropic's, of these blocks and their deltas."""
    usage = {"input_tokens": 9, "output_tokens": 1, **more.pop("usage", {})}
    begun = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None, "usage": usage}
    records: list[Json] = [{"type": "message_start", "message": begun}]
    for index, (block, deltas) in enumerate(blocks):
        records.append({"type": "content_block_start", "index": index, "content_block": block})
        records += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        records.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": reason, "stop_sequence": None, **more}
    records += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}, {"type": "message_stop"}]
    return [f"event: {record['type']}\ndata: {json.dumps(record)}\n\n".encode() for record in records]


def fragments(*pieces: str) -> list[Json]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


A = call("", index=0, id="call_aaaaaaaa", name="f")
B = call("", index=1, id="call_bbbbbbbb", name="g")
USED = said({}, None, **used(9, 7, choices=[]))
CASES = [
    Case(1, OPENAI, bytewise(HELLO), HELD),
    Case(2, OPENAI, [HELLO], HELD),
    Case(3, OPENAI, bytewise(HELLO.replace(b"\n", b"\r\n")), HELD),
    Case(4, OPENAI, [HELLO.replace(b"data: ", b"data:")], HELD),
    Case(
        5,
        OPENAI,
        [
            b": OPENROUTER PROCESSING\n\n" * 3,
            *itertools.chain.from_iterable((part, b": wait\n\n") for part in sse(text("Hello 北😀"), END)),
        ],
        HELD,
    ),
    openai(6, b'data: {"choices": [{"index": 0, "delta":\ndata: {"content": "Hello"}}]}\n\n', END, text="Hello", finish="stop"),
    openai(7, b"\xef\xbb\xbfid: 1\nretry: 5\n", text("Hello"), END, text="Hello", finish="stop"),
    Case(8, OPENAI, [b"".join(sse(text("Hello"), END, done=False)).rstrip(b"\n")], {"text": "Hello", "finish": "stop"}),
    openai(9, text("x" * 12_000_000), END, text="x" * 12_000_000, finish="stop"),
    Case(
        10,
        OLLAMA,
        [line({"content": "Hel"}).replace(b"\n", b"\r\n\r\n"), line({"content": "lo"}), last().rstrip(b"\n")],
        {"text": "Hello", "finish": "stop"},
    ),
    Case(
        11,
        GEMINI,
        bytewise(json.dumps([candidate({"text": "a } ] {"}), candidate({"text": '"b'}, finish="STOP")], indent=1).encode()),
        {"text": 'a } ] {"b', "finish": "stop"},
    ),
    Case(12, OPENAI, [json.dumps(WHOLE).encode()], {"text": "Hello", "finish": "stop", "prompt_tokens": 9, "completion_tokens": 7}),
    openai(17, text("Hello"), END, USED, text="Hello", prompt_tokens=9, completion_tokens=7),
    openai(
        18,
        text("Hello"),
        END,
        text="Hello",
        finish="stop",
        prompt_tokens=None,
        completion_tokens=None,
        apart={"anthropic.messages": {"prompt_tokens": 0, "completion_tokens": 0}},
    ),
    openai(
        19, text("a") | used(9, 1), text("b") | used(9, 2), END | used(9, 7), text="ab", prompt_tokens=9, completion_tokens=7, finish="stop"
    ),
    openai(20, said({}, choices=[], id="", prompt_filter_results=[{}]), text("Hello"), END, text="Hello", finish="stop"),
    openai(21, text("Hello"), {"id": "1", "choices": [{"index": 0, "content_filter_offsets": {}}]}, END, text="Hello", finish="stop"),
    openai(22, text("Hello"), END, {"id": "1", **used(9, 7)}, text="Hello", prompt_tokens=9),
    openai(23, text("Hello", "stop") | used(9, 7), text="Hello", finish="stop", completion_tokens=7),
    *(openai(24, text("Hello"), said({}, word), text="Hello", finish="stop") for word in ("eos", "eos_token", "")),
    openai(25, text("Hello"), text="Hello", finish="stop"),
    openai(26, text("hal"), done=False, text="hal", error="end", ended=False),
    Case(27, OPENAI, [*sse(text("hal"), done=False), sse(text("f a record"))[0][:30]], {"text": "hal", "ended": False}),
    openai(28, text("hal"), {"error": {"message": "boom", "code": 500}}, **BOOM),
    openai(30, text("hal"), said({}, "error", error={"code": 502, "message": "boom"}), **BOOM),
    openai(31, text("hal"), {"error": "boom", "error_type": "generation"}, **BOOM),
    openai(32, text("hal"), b'error: {"message":"boom"}\n\n', done=False, **BOOM),
    openai(33, said({"reasoning_content": "pl"}), said({"reasoning_content": "an"}), text("ok"), END, **THOUGHT),
    openai(34, said({"reasoning": "pl"}), said({"reasoning": "an", "reasoning_content": "an"}), text("ok"), END, **THOUGHT),
    openai(35, text("<th"), text("ink>pl"), text("an</thi"), text("nk>\n\nok"), END, **THOUGHT),
    openai(36, text("see <think> here"), text("</think>"), END, text="see <think> here</think>", thoughts=""),
    openai(38, text("<think>plan"), said({}, "length"), text="", thoughts="plan", finish="length"),
    openai(
        39,
        said({"reasoning": "a"}),
        text("b"),
        said({"reasoning": "c"}),
        calls(call('{"x":1}', index=0, id="call_aaaaaaaa", name="f")),
        text("d"),
        said({}, "tool_calls"),
        text="bd",
        thoughts="ac",
        calls=[F],
    ),
    openai(
        40,
        said({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "plan"}]}, {"type": "text", "text": "ok"}]}),
        END,
        **THOUGHT,
    ),
    openai(41, calls(A), calls(call('{"x"', index=0)), calls(call(":1}", index=0)), said({}, "tool_calls"), **CALLED),
    openai(42, calls(A), calls(call('{"x":1}', index=0)), calls(B), calls(call('{"y":2}', index=1)), said({}, "tool_calls"), **TWICE),
    openai(
        43,
        *(
            calls(A),
            calls(call('{"x"', index=0)),
            calls(B),
            calls(call('{"y"', index=1)),
            calls(call(":1}", index=0)),
            calls(call(":2}", index=1)),
        ),
        said({}, "tool_calls"),
        **TWICE,
    ),
    openai(
        44,
        calls(call('{"x":1}', index=0, id="call_aaaaaaaa", name="f")),
        calls(call('{"y":2}', index=0, id="call_bbbbbbbb", name="g")),
        END,
        **TWICE,
    ),
    openai(45, *(calls(call(piece, index=0, id="call_aaaaaaaa", name="f")) for piece in ("", '{"x"', ":1}")), END, **CALLED),
    openai(
        46,
        calls(call('{"x":1}', id="call_aaaaaaaa", name="f")),
        calls(call('{"y":2}', id="call_bbbbbbbb", name="g")),
        END,
        **TWICE,
    ),
    openai(47, calls(call('{"x":1}', index=1, id="call_aaaaaaaa", name="f")), END, **CALLED),
    openai(48, calls(call({"x": 1}, index=0, id="call_aaaaaaaa", name="f")), END, **CALLED),
    *(openai(48, calls(call(none, index=0, id="call_aaaaaaaa", name="f")), END, calls=[("f", {})]) for none in (None, "")),
    openai(49, calls(call('{"x":1}', index=0, name="f"), call('{"y":2}', index=1, name="g")), END, **TWICE),
    openai(50, calls(A), calls(call('{"x":1}', index=0)), text("ok"), said({}, "tool_calls"), calls=[F], text="ok"),
    openai(51, calls(A), calls(call('{"x":1}', index=0)), END, **CALLED),
    openai(52, text("ok"), said({}, "tool_calls"), text="ok", calls=[], finish="stop"),
    openai(54, calls(A), calls(call('{"a":1}', index=0)), calls(call('{"b":2}', index=0)), END, ended=False, error="call"),
    Case(
        55,
        OLLAMA,
        [
            line({"tool_calls": [{"function": {"index": 0, "name": "f", "arguments": {"x": 1}}}]}),
            line({"tool_calls": [{"function": {"index": 0, "name": "g", "arguments": {"y": 2}}}]}),
            last(),
        ],
        TWICE,
    ),
    Case(
        56,
        GEMINI,
        gemini(*(candidate({"functionCall": {"name": "f", "args": {"x": x}}}) for x in (1, 2, 3)), candidate(finish="STOP")),
        {"calls": [("f", {"x": x}) for x in (1, 2, 3)], "finish": "tool_calls"},
    ),
    Case(
        57,
        ANTHROPIC,
        claude(
            ({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}, fragments("", '{"x"', ":1}")),
            ({"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}, []),
            reason="tool_use",
        ),
        {"calls": [F, ("g", {})], "finish": "tool_calls"},
    ),
    Case(
        58,
        ANTHROPIC,
        claude(
            ({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, fragments('{"query":"x"}')),
            ({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}, []),
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "ok"}]),
        ),
        {"calls": [], "text": "ok", "finish": "stop"},
    ),
    Case(
        95,
        ANTHROPIC,
        claude(
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "ok"}]),
            usage={"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5},
        ),
        {"prompt_tokens": 115, "completion_tokens": 7},
        {"anthropic.messages": {"prompt_tokens": 10, "completion_tokens": 7}},
    ),
    openai(
        95,
        text("ok"),
        END,
        {
            "choices": [],
            "usage": {"prompt_tokens": 115, "completion_tokens": 7, "total_tokens": 122, "prompt_tokens_details": {"cached_tokens": 100}},
        },
        prompt_tokens=115,
        apart={"anthropic.messages": {"prompt_tokens": 15}},
    ),
    Case(
        96,
        GEMINI,
        gemini(
            *(
                candidate(
                    {"text": words}, finish=end, usageMetadata={"promptTokenCount": 20, "candidatesTokenCount": 5, "thoughtsTokenCount": 30}
                )
                for words, end in (("o", ""), ("k", "STOP"))
            )
        ),
        {"text": "ok", "prompt_tokens": 20, "completion_tokens": 35},
    ),
    Case(
        98,
        ANTHROPIC,
        claude(({"type": "text", "text": ""}, [{"type": "text_delta", "text": "No."}]), reason="refusal"),
        {"finish": "content_filter"},
    ),
    Case(98, GEMINI, gemini(candidate({"text": "No."}, finish="SAFETY")), {"text": "No.", "finish": "content_filter"}),
    Case(
        98,
        GEMINI,
        gemini({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 20}, "responseId": "r"}),
        {"text": "", "finish": "content_filter"},
    ),
]
IDS = [f"{case.number}-{place}" for place, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("ingress", INGRESSES, ids=lambda ingress: ingress.name)
def test_every_client_is_told_what_the_upstream_said(ingress: Ingress, case: Case) -> None:
    told = ingress.read_stream(rendered(ingress.name, case.egress, case.chunks, ingress.body(ASKED)))
    check(told, case.told | case.apart.get(ingress.name, {}))


def check(told: Told, expected: Json) -> None:
    wanted = dict(expected)
    if wanted.get("error"):
        assert wanted.pop("error") in told.error
    assert told.ended is wanted.pop("ended", True)
    assert {name: getattr(told, name) for name in wanted} == wanted
    assert len(set(told.ids)) == len(told.ids) == len(told.calls)
    assert all(told.ids)
