"""The upstreams' APIs: how a scene is answered in each, and what was asked. Strict: what a real server refuses, fails here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, Step, json_answer
from tests.pairs.scenes import REFUSAL, TROUBLE, Call, Scene
from tests.pairs.told import Asked, Turn, same

Json = dict[str, Any]
SSE = {"Content-Type": "text/event-stream"}


@dataclass(frozen=True)
class Egress:
    """One of the upstreams' APIs.

    Attributes:
        root: whether its base URL ends before the version.
        models: path and answer of the list of models.
        paths: where chats are asked for, whole and as a stream.
        in_pieces: whether the arguments of a call come in pieces, so that half of them can be told.
        prompt_path: where plain texts are gone on with, if anywhere.
        continued: a record of a chat as one of such a text.
    """

    name: str
    root: bool
    models: tuple[str, Any]
    paths: tuple[str, ...]
    wants_stream: Callable[[Request], bool]
    whole: Callable[[Scene], Any]
    records: Callable[[Scene], list[Any]]
    written: Callable[[Any], bytes]
    trouble: Any
    refusal: Any
    stream_headers: dict[str, str]
    asked: Callable[[Request], Asked]
    end: bytes = b""
    in_pieces: bool = False
    prompt_path: str = ""
    continued: Callable[[Json], Json] = dict

    def base_url(self, upstream: FakeUpstream) -> str:
        """The address, as an operator would write it."""
        return upstream.origin if self.root else upstream.base_url

    def play(self, upstream: FakeUpstream, scene: Scene) -> None:
        """Lets the upstream play the scene."""
        upstream.on(self.models[0], json_answer(self.models[1]))
        for path in (*self.paths, *([self.prompt_path] if self.prompt_path else [])):
            upstream.on(path, lambda request: self.answer(request, scene))

    def answer(self, request: Request, scene: Scene) -> Answer:
        """The answer of the scene to this request."""
        if scene.end == "refused":
            return json_answer(self.refusal, 400)
        if not self.wants_stream(request):
            if scene.end == "told":
                return json_answer(self.trouble, 500)
            whole = self.whole(scene)
            body = json.dumps(self.continued(whole) if "prompt" in request.json else whole).encode()
            if scene.end:
                return Answer(
                    200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, [body[: len(body) // 2]], "close"
                )
            return Answer(200, {"Content-Type": "application/json"}, [body], "length")
        return Answer(200, self.stream_headers, self.steps(scene, continued="prompt" in request.json))

    def steps(self, scene: Scene, *, continued: bool = False) -> list[Step]:
        """The stream, one record at a time."""
        records = self.records(scene)
        if continued:
            records = [self.continued(record) for record in records]
        if not scene.end:
            return [*map(self.written, records), *([self.end] if self.end else [])]
        begun: list[Step] = [self.written(record) for record in itertools.takewhile(lambda record: not record.get("_late"), records)]
        torn = [record for record in records if record.get("_torn")]
        if torn:
            written = self.written(torn[-1])
            begun.append(written if scene.end == "told" else written[: len(written) // 2])
        ends: dict[str, list[Step]] = {"told": [self.written(self.trouble)], "cut": [CUT], "quiet": []}
        return [*begun, *ends[scene.end]]


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _cut_text(scene: Scene) -> list[tuple[str, bool]]:
    """The text in two pieces, and whether each comes too late in an answer that breaks off."""
    begin, rest = _halves(scene.text)
    return [(piece, late) for piece, late in ((begin, scene.broken == "thoughts"), (rest, scene.broken in ("text", "thoughts"))) if piece]


def _cut_thoughts(scene: Scene) -> list[tuple[str, bool]]:
    """The thoughts in the same way."""
    begin, rest = _halves(scene.thoughts)
    return [(begin, False), (rest, True)] if scene.broken == "thoughts" else [(scene.thoughts, False)] if scene.thoughts else []


def _is_late(scene: Scene, call: Call, *, begun: bool = False) -> bool:
    """Whether the answer breaks off before the call, or before the second half of one that has begun."""
    return call == scene.calls[-1] and (scene.broken == "between calls" or (begun and scene.broken == "call"))


def _said_of(call: Call, scene: Scene) -> tuple[str, ...]:
    """The arguments in two pieces, or the first of them where the answer ends by itself in the midst of the call."""
    begin, rest = _halves(call.written)
    return (begin, rest) if call in scene.whole_calls else (begin,)


def _late(record: Json, late: bool = True) -> Json:
    return {**record, "_late": True} if late else record


def _late_call(record: Json, scene: Scene, call: Call) -> Json:
    """The record of a call that is never in two of them: one that breaks off in the midst of the call is torn itself."""
    is_torn = scene.broken == "call" and call == scene.calls[-1]
    return {**record, "_late": True, "_torn": True} if is_torn else _late(record, _is_late(scene, call))


def _bare(record: Json) -> Json:
    return {key: value for key, value in record.items() if key not in ("_late", "_torn")}


def _data(record: Json) -> bytes:
    return b"data: " + json.dumps(_bare(record)).encode() + b"\n\n"


# OpenAI


def _openai_message(scene: Scene) -> Json:
    message: Json = {"role": "assistant", "content": scene.text or None}
    if scene.thoughts:
        message["reasoning_content"] = scene.thoughts
    if scene.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(_said_of(call, scene))}}
            for call in scene.calls
        ]
    return message


def _openai_usage(scene: Scene) -> Json:
    both = scene.prompt_tokens + scene.completion_tokens
    return {"prompt_tokens": scene.prompt_tokens, "completion_tokens": scene.completion_tokens, "total_tokens": both}


def _openai_whole(scene: Scene) -> Any:
    choice = {"index": 0, "message": _openai_message(scene), "finish_reason": scene.finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": _openai_usage(scene)}


def _openai_records(scene: Scene) -> list[Json]:
    def chunk(delta: Json, finish: str | None = None) -> Json:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    records = [chunk({"role": "assistant", "content": ""})]
    records += [_late(chunk({"reasoning_content": piece}), late) for piece, late in _cut_thoughts(scene)]
    records += [_late(chunk({"content": piece}), late) for piece, late in _cut_text(scene)]
    for index, call in enumerate(scene.calls):
        begun = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        begin, *rest = ({"index": index, "function": {"arguments": piece}} for piece in _said_of(call, scene))
        records += [_late(chunk({"tool_calls": [piece]}), _is_late(scene, call)) for piece in (begun, begin)]
        records += [_late(chunk({"tool_calls": [piece]}), _is_late(scene, call, begun=True)) for piece in rest]
    return [*records, _late(chunk({}, scene.finish)), _late({**chunk({}), "choices": [], "usage": _openai_usage(scene)})]


def _openai_continued(record: Json) -> Json:
    def continued(choice: Json) -> Json:
        said = choice.get("message") or choice.get("delta")
        return {"index": 0, "text": said.get("content") or "", "logprobs": None, "finish_reason": choice["finish_reason"]}

    return {**record, "object": "text_completion", "choices": [continued(choice) for choice in record["choices"]]}


def _openai_asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), dict[str, str](), list[str]()
    if "prompt" in body:
        return Asked(body["model"], body.get("stream") is True, [("user", body["prompt"])])
    assert body.get("tools") != []
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        if role == "tool":
            turns.append(_result(calls.pop(message["tool_call_id"]), _text_of(content)))
            continue
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for part in parts:
            if part["type"] == "image_url":
                turns.append(("image", part["image_url"]["url"].partition("base64,")[2]))
            elif part["text"]:
                turns.append(({"assistant": "model", "developer": "system"}.get(role, role), part["text"]))
        for call in message.get("tool_calls") or ():
            ids.append(call["id"])
            calls[call["id"]] = same(call["function"]["arguments"])
            turns.append(("call", call["function"]["name"], calls[call["id"]]))
    assert not calls
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream") is True, turns, tools, ids)


def _result(call: str, text: str) -> Turn:
    return ("failed", call, text.removeprefix("Error: ")) if text.startswith("Error: ") else ("result", call, text)


def _text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


OPENAI = Egress(
    name="openai",
    root=False,
    models=("/models", {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}),
    paths=("/chat/completions",),
    wants_stream=lambda request: request.json.get("stream") is True,
    whole=_openai_whole,
    records=_openai_records,
    written=_data,
    trouble={"error": {"message": TROUBLE, "type": "server_error", "param": None, "code": None}},
    refusal={"error": {"message": REFUSAL, "type": "invalid_request_error", "param": "temperature", "code": None}},
    stream_headers=SSE,
    asked=_openai_asked,
    end=b"data: [DONE]\n\n",
    in_pieces=True,
    prompt_path="/completions",
    continued=_openai_continued,
)


# Anthropic


def _anthropic_blocks(scene: Scene) -> list[Json]:
    blocks: list[Json] = []
    if scene.thoughts:
        blocks.append({"type": "thinking", "thinking": scene.thoughts, "signature": "c2lnbmVk"})
    if scene.text:
        blocks.append({"type": "text", "text": scene.text})
    return blocks + [{"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)} for call in scene.calls]


_ANTHROPIC_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def _anthropic_message(scene: Scene, **more: Any) -> Json:
    usage = {"input_tokens": scene.prompt_tokens, "output_tokens": scene.completion_tokens}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None, "usage": usage, **more}


def _anthropic_end(scene: Scene) -> Json:
    reason = "stop_sequence" if scene.matched else _ANTHROPIC_REASONS[scene.finish]
    return {"stop_reason": reason, "stop_sequence": scene.matched or None}


def _anthropic_whole(scene: Scene) -> Any:
    blocks = [block for block in _anthropic_blocks(scene) if block.get("id") not in _half_calls(scene)]
    return _anthropic_message(scene, content=blocks, **_anthropic_end(scene))


def _half_calls(scene: Scene) -> set[str]:
    """The ids of calls that have no place in an answer, because they were not come to the end of, and arguments are an object there."""
    return {call.id for call in scene.calls if call not in scene.whole_calls}


def _anthropic_records(scene: Scene) -> list[Json]:
    records: list[Json] = [
        {"type": "message_start", "message": _anthropic_message(scene, content=[], stop_reason=None)},
        {"type": "ping"},
    ]
    for index, block in enumerate(_anthropic_blocks(scene)):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        begun = {key: empty.get(key, value) for key, value in block.items()}
        deltas = _anthropic_deltas(block, scene)
        records.append(_late({"type": "content_block_start", "index": index, "content_block": begun}, deltas[0][1]))
        records += [_late({"type": "content_block_delta", "index": index, "delta": delta}, late) for delta, late in deltas]
        records.append(_late({"type": "content_block_stop", "index": index}, deltas[-1][1]))
    records.append(_late({"type": "message_delta", "delta": _anthropic_end(scene), "usage": {"output_tokens": scene.completion_tokens}}))
    return [*records, _late({"type": "message_stop"})]


def _anthropic_deltas(block: Json, scene: Scene) -> list[tuple[Json, bool]]:
    match block["type"]:
        case "thinking":
            thoughts = [({"type": "thinking_delta", "thinking": piece}, late) for piece, late in _cut_thoughts(scene)]
            return [*thoughts, ({"type": "signature_delta", "signature": block["signature"]}, thoughts[-1][1])]
        case "text":
            return [({"type": "text_delta", "text": piece}, late) for piece, late in _cut_text(scene)]
        case _:
            (call,) = (call for call in scene.calls if call.id == block["id"])
            begin, *rest = _said_of(call, scene)
            deltas = [({"type": "input_json_delta", "partial_json": piece}, _is_late(scene, call)) for piece in ("", begin)]
            return deltas + [({"type": "input_json_delta", "partial_json": piece}, _is_late(scene, call, begun=True)) for piece in rest]


def _anthropic_asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), dict[str, str](), list[str]()
    assert request.headers["anthropic-version"]
    assert body["max_tokens"] > 0
    if body.get("system"):
        turns.append(("system", _text_of(body["system"])))
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles)), roles
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        if calls:  # The results of all calls come first, and at once.
            assert {block["tool_use_id"] for block in blocks[: len(calls)]} == set(calls)
        for block in blocks:
            ids += [block["id"]] if block["type"] == "tool_use" else []
            _add_anthropic_block(block, message["role"], turns, calls)
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream") is True, turns, tools, ids)


def _add_anthropic_block(block: Json, role: str, turns: list[Turn], calls: dict[str, str]) -> None:
    match block["type"]:
        case "text":
            assert block["text"].strip()
            turns.append(("model" if role == "assistant" else "user", block["text"]))
        case "image":
            assert block["source"]["media_type"] == "image/png"
            turns.append(("image", block["source"]["data"]))
        case "tool_use":
            calls[block["id"]] = same(block["input"])
            turns.append(("call", block["name"], calls[block["id"]]))
        case "tool_result":
            kind = "failed" if block.get("is_error") else "result"
            turns.append((kind, calls.pop(block["tool_use_id"]), _text_of(block["content"])))
        case "thinking" | "redacted_thinking":
            turns.append(("thoughts", block.get("thinking", ""), block.get("signature", "")))
        case _:
            raise AssertionError(block)


ANTHROPIC = Egress(
    name="anthropic",
    root=True,
    models=(
        "/v1/models",
        {
            "data": [{"id": "m", "type": "model", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}],
            "has_more": False,
            "first_id": "m",
            "last_id": "m",
        },
    ),
    paths=("/v1/messages",),
    wants_stream=lambda request: request.json.get("stream") is True,
    whole=_anthropic_whole,
    records=_anthropic_records,
    written=lambda record: f"event: {record['type']}\n".encode() + _data(record),
    trouble={"type": "error", "error": {"type": "api_error", "message": TROUBLE}},
    refusal={"type": "error", "error": {"type": "invalid_request_error", "message": REFUSAL}, "request_id": "req_1"},
    stream_headers=SSE,
    asked=_anthropic_asked,
    in_pieces=True,
)


# Gemini


def _gemini_parts(scene: Scene) -> list[Json]:
    parts = [_late({"text": piece, "thought": True}, late) for piece, late in _cut_thoughts(scene)]
    parts += [_late({"text": piece}, late) for piece, late in _cut_text(scene)]
    signature = {"thoughtSignature": "c2lnbmVk"}
    return parts + [
        _late_call(
            {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}, **(signature if not place else {})},
            scene,
            call,
        )
        for place, call in enumerate(scene.whole_calls)
    ]


_GEMINI_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


def _gemini_record(scene: Scene, parts: list[Json], finish: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [_bare(part) for part in parts]}, "index": 0}
    if finish:
        candidate["finishReason"] = _GEMINI_REASONS[scene.finish]
    usage = {
        "promptTokenCount": scene.prompt_tokens,
        "candidatesTokenCount": scene.completion_tokens,
        "totalTokenCount": scene.prompt_tokens + scene.completion_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r1"}


def _gemini_records(scene: Scene) -> list[Json]:
    marks = ("_late", "_torn")
    records = [
        _gemini_record(scene, [part], finish=False) | {mark: part[mark] for mark in marks if mark in part} for part in _gemini_parts(scene)
    ]
    return [*records, _late(_gemini_record(scene, [{"text": ""}], finish=True))]


def _gemini_asked(request: Request) -> Asked:
    from google.genai import types

    body, turns, calls, ids = request.json, list[Turn](), list[Json](), list[str]()
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools") or ():
        types.Tool.model_validate(tool)
    if "systemInstruction" in body:
        turns.append(("system", _text_of(body["systemInstruction"]["parts"])))
    assert body["contents"][0]["role"] == "user"
    for content in body["contents"]:
        for part in content["parts"]:
            if "text" in part:
                turns.append(("model" if content["role"] == "model" else "user", part["text"]))
            elif "inlineData" in part:
                assert part["inlineData"]["mimeType"] == "image/png"
                turns.append(("image", part["inlineData"]["data"]))
            elif "functionCall" in part:
                ids.append(part["functionCall"].get("id", ""))
                calls.append(part["functionCall"])
                turns.append(("call", part["functionCall"]["name"], same(part["functionCall"]["args"])))
            else:
                result, call = part["functionResponse"], calls.pop(0)
                assert (result["name"], result.get("id")) == (call["name"], call.get("id"))
                ((kind, said),) = result["response"].items()
                turns.append(({"error": "failed", "output": "result"}[kind], same(call["args"]), said))
    declarations = [declared for tool in body.get("tools") or () for declared in tool["functionDeclarations"]]
    tools = {declared["name"]: declared.get("parametersJsonSchema") or declared["parameters"] for declared in declarations}
    model = request.path.rpartition("/")[2].partition(":")[0]
    return Asked(model, "stream" in request.path, turns, tools, ids)


GEMINI = Egress(
    name="gemini",
    root=True,
    models=(
        "/v1beta/models",
        {"models": [{"name": "models/m", "displayName": "M", "supportedGenerationMethods": ["generateContent", "countTokens"]}]},
    ),
    paths=("/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent"),
    wants_stream=lambda request: request.path.endswith(":streamGenerateContent"),
    whole=lambda scene: _gemini_record(scene, _gemini_parts(scene), finish=True),
    records=_gemini_records,
    written=lambda record: _data(record).replace(b"\n", b"\r\n"),
    trouble={"error": {"code": 500, "message": TROUBLE, "status": "INTERNAL"}},
    refusal={"error": {"code": 400, "message": REFUSAL, "status": "INVALID_ARGUMENT"}},
    stream_headers=SSE,
    asked=_gemini_asked,
)


# Ollama


def _ollama_end(scene: Scene) -> Json:
    counts = {"prompt_eval_count": scene.prompt_tokens, "eval_count": scene.completion_tokens}
    durations = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1000)
    return {"done": True, "done_reason": "stop" if scene.finish == "tool_calls" else scene.finish, **durations, **counts}


def _ollama_record(message: Json, **more: Any) -> Json:
    message = {"role": "assistant", "content": "", **message}
    return {"model": "m", "created_at": "2026-01-01T00:00:00.123456Z", "message": message, "done": False, **more}


def _ollama_calls(scene: Scene) -> list[Json]:
    return [
        {"id": call.id, "function": {"index": place, "name": call.name, "arguments": dict(call.arguments)}}
        for place, call in enumerate(scene.whole_calls)
    ]


def _ollama_whole(scene: Scene) -> Any:
    message: Json = {"content": scene.text}
    if scene.thoughts:
        message["thinking"] = scene.thoughts
    if scene.whole_calls:
        message["tool_calls"] = _ollama_calls(scene)
    return _ollama_record(message, **_ollama_end(scene))


def _ollama_records(scene: Scene) -> list[Json]:
    records = [_late(_ollama_record({"thinking": piece}), late) for piece, late in _cut_thoughts(scene)]
    records += [_late(_ollama_record({"content": piece}), late) for piece, late in _cut_text(scene)]
    calls = zip(scene.whole_calls, _ollama_calls(scene), strict=True)
    records += [_late_call(_ollama_record({"tool_calls": [written]}), scene, call) for call, written in calls]
    return [*records, _late(_ollama_record({}, **_ollama_end(scene)))]


def _ollama_continued(record: Json) -> Json:
    record = dict(record)
    message = record.pop("message")
    thoughts = {"thinking": message["thinking"]} if "thinking" in message else {}
    return {**record, "response": message["content"], **thoughts}


def _ollama_asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), list[tuple[str, str, str]](), list[str]()
    if "prompt" in body:
        turns += [("system", body["system"])] if body.get("system") else []
        turns += [("user", body["prompt"]), *(("image", image) for image in body.get("images") or ())]
        return Asked(body["model"], body.get("stream", True), turns)
    for message in body["messages"]:
        role, content = message["role"], message.get("content") or ""
        assert isinstance(content, str)
        if role == "tool":
            names = (message.get("tool_call_id"), message["tool_name"])
            at = next(place for place, (call_id, name, _) in enumerate(calls) if names in ((call_id, name), (None, name)))
            turns.append(_result(calls.pop(at)[2], content))
            continue
        if message.get("thinking"):
            turns.append(("thoughts", message["thinking"]))
        if content:
            turns.append(({"assistant": "model"}.get(role, role), content))
        turns += [("image", image) for image in message.get("images") or ()]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            assert isinstance(function["arguments"], dict)
            ids.append(call.get("id", ""))
            calls.append((call.get("id", ""), function["name"], same(function["arguments"])))
            turns.append(("call", function["name"], calls[-1][2]))
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream", True), turns, tools, ids)


OLLAMA = Egress(
    name="ollama",
    root=True,
    models=(
        "/api/tags",
        {"models": [{"name": "m", "model": "m", "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "d", "details": {}}]},
    ),
    paths=("/api/chat",),
    wants_stream=lambda request: request.json.get("stream", True),
    whole=_ollama_whole,
    records=_ollama_records,
    written=lambda record: json.dumps(_bare(record)).encode() + b"\n",
    trouble={"error": TROUBLE},
    refusal={"error": REFUSAL},
    stream_headers={"Content-Type": "application/x-ndjson"},
    asked=_ollama_asked,
    prompt_path="/api/generate",
    continued=_ollama_continued,
)

EGRESSES = (OPENAI, ANTHROPIC, GEMINI, OLLAMA)
