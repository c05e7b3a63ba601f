"""The clients' APIs: how a scene is asked in each, and how the answer is read. Strict readers: what an SDK stumbles over fails here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from tests.pairs.scenes import SCHEMA, Call, Scene, result_of
from tests.pairs.told import Told, events, lines

Json = dict[str, Any]


@dataclass(frozen=True)
class Ingress:
    """One of the clients' APIs."""

    name: str
    dialect: str
    path: str
    body: Callable[[Scene], Json]
    read_stream: Callable[[bytes], Told]
    read_whole: Callable[[Any], Told]
    headers: Mapping[str, str]

    def ask(self, client: FlaskClient, scene: Scene, *, stream: bool, **more: Any) -> Told:
        """What the client is told."""
        body = {"model": "m", **self.body(scene), "stream": stream, **more}
        answer = client.post(self.path, json=body, headers=dict(self.headers))
        if answer.status_code != 200:
            return Told(answer.status_code, error=_message(answer.get_json()))
        told = self.read_stream(answer.data) if stream else self.read_whole(json.loads(answer.data))
        told.status = answer.status_code
        return told


def _message(body: Any) -> str:
    error = body["error"]
    message = error if isinstance(error, str) else error["message"]
    assert isinstance(message, str)
    assert message
    return message


# OpenAI's chats


def _chat_body(scene: Scene) -> Json:
    messages: list[Json] = [{"role": "system", "content": scene.system}] if scene.system else []
    shown = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{scene.shows}"}}] if scene.shows else []
    messages.append({"role": "user", "content": [{"type": "text", "text": scene.says}, *shown] if shown else scene.says})
    if scene.earlier:
        calls = [{"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.written}} for call in scene.earlier]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": call.id, "content": result_of(call)} for call in scene.earlier]
    body: Json = {"messages": messages, "stream_options": {"include_usage": True}}
    if scene.tools:
        body["tools"] = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}}]
    if scene.thinks:
        body["reasoning_effort"] = "high"
    return body


def _chat_whole(answer: Any) -> Told:
    (choice,) = answer["choices"]
    message = choice["message"]
    told = Told(finish=choice["finish_reason"], ended=True, text=message.get("content") or "", thoughts=_thoughts(message))
    told.matched = choice.get("stop_reason") or ""
    for call in message.get("tool_calls") or ():
        _add_call(told, call["id"], call["function"]["name"], call["function"]["arguments"])
    return _counted(told, answer["usage"], "prompt_tokens", "completion_tokens")


def _thoughts(message: Json) -> str:
    thoughts = message.get("reasoning_content") or message.get("reasoning") or ""
    assert isinstance(thoughts, str)
    return thoughts


def _chat_stream(body: bytes) -> Told:
    told, calls = Told(), dict[int, Json]()
    *chunks, (_, last) = events(body)
    for _, chunk in chunks if last == "[DONE]" else events(body):
        if chunk.get("error"):
            told.error = _message(chunk)
            continue
        for choice in chunk["choices"]:
            delta = choice["delta"]
            told.text += delta.get("content") or ""
            told.thoughts += _thoughts(delta)
            told.finish = choice["finish_reason"] or told.finish
            told.matched = choice.get("stop_reason") or told.matched
            for piece in delta.get("tool_calls") or ():
                call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += piece.get("id") or ""
                call["name"] += piece["function"].get("name") or ""
                call["arguments"] += piece["function"].get("arguments") or ""
        if chunk.get("usage"):
            _counted(told, chunk["usage"], "prompt_tokens", "completion_tokens")
    assert list(calls) == list(range(len(calls)))
    for call in calls.values() if told.finish else ():
        _add_call(told, **call)
    told.ended = bool(told.finish) and not told.error
    assert last == "[DONE]" or told.error
    return told


# OpenAI's responses


def _response_body(scene: Scene) -> Json:
    shown = [{"type": "input_image", "image_url": f"data:image/png;base64,{scene.shows}", "detail": "auto"}] if scene.shows else []
    items: list[Json] = [{"role": "user", "content": [{"type": "input_text", "text": scene.says}, *shown]}]
    items += [{"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.written} for call in scene.earlier]
    items += [{"type": "function_call_output", "call_id": call.id, "output": result_of(call)} for call in scene.earlier]
    body: Json = {"input": items, "store": False}
    if scene.system:
        body["instructions"] = scene.system
    if scene.tools:
        body["tools"] = [{"type": "function", "name": "get_weather", "description": "The weather", "parameters": SCHEMA, "strict": False}]
    if scene.thinks:
        body["reasoning"] = {"effort": "high", "summary": "auto"}
    return body


def _response_whole(answer: Any) -> Told:
    told = Told(ended=answer["status"] in ("completed", "incomplete"))
    for item in answer["output"]:
        match item["type"]:
            case "message":
                told.text += "".join(part["text"] for part in item["content"])
            case "reasoning":
                told.thoughts += "".join(part["text"] for part in (item["summary"] or item.get("content") or ()))
            case "function_call" if item["status"] == "completed":
                _add_call(told, item["call_id"], item["name"], item["arguments"])
    if answer["status"] == "incomplete":
        told.finish = {"max_output_tokens": "length"}.get(answer["incomplete_details"]["reason"], "content_filter")
    else:
        told.finish = "tool_calls" if told.calls else "stop"
    return _counted(told, answer["usage"] or {}, "input_tokens", "output_tokens")


def _response_stream(body: bytes) -> Told:
    told, texts = Told(), ""
    numbers, done = [], list[Json]()
    for name, event in events(body):
        if event == "[DONE]":
            continue
        if event["type"] == "error" or name == "error":
            told.error = told.error or event.get("message") or _message(event)
            continue
        assert name == event["type"]
        numbers.append(event["sequence_number"])
        match event["type"]:
            case "response.output_text.delta":
                texts += event["delta"]
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                done.append(event["item"])
            case "response.completed" | "response.incomplete":
                told = _response_whole(event["response"])
            case "response.failed":
                told.error = event["response"]["error"]["message"]
    assert numbers == sorted(set(numbers))
    if told.ended:
        assert told.text == texts
    else:
        told.text = texts
        for item in done:  # Clients may act upon these.
            _add_call(told, item["call_id"], item["name"], item["arguments"])
    return told


# Anthropic's messages


def _messages_body(scene: Scene) -> Json:
    source = {"type": "base64", "media_type": "image/png", "data": scene.shows}
    shown = [{"type": "image", "source": source}] if scene.shows else []
    messages: list[Json] = [{"role": "user", "content": [*shown, {"type": "text", "text": scene.says}] if shown else scene.says}]
    if scene.earlier:
        calls = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in scene.earlier]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": result_of(call)} for call in scene.earlier]
        messages += [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    body: Json = {"messages": messages, "max_tokens": 8192}
    if scene.system:
        body["system"] = scene.system
    if scene.tools:
        body["tools"] = [{"name": "get_weather", "description": "The weather", "input_schema": SCHEMA}]
    if scene.thinks:
        body["thinking"] = {"type": "enabled", "budget_tokens": 4096}
    return body


_OF_ANTHROPIC = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}


def _messages_whole(answer: Any) -> Told:
    told = Told(finish=_OF_ANTHROPIC[answer["stop_reason"]], ended=True, matched=answer["stop_sequence"] or "")
    assert bool(told.matched) is (answer["stop_reason"] == "stop_sequence")
    for block in answer["content"]:
        match block["type"]:
            case "text":
                told.text += block["text"]
            case "thinking":
                told.thoughts += block["thinking"]
            case "tool_use":
                _add_call(told, block["id"], block["name"], block["input"])
    return _counted(told, answer["usage"] or {}, "input_tokens", "output_tokens")


def _messages_stream(body: bytes) -> Told:
    message: Json = {}
    told, arguments, is_open = Told(), dict[int, str](), False
    for name, event in events(body):
        assert name == event["type"]
        match event["type"]:
            case "message_start":
                message = {**event["message"], "usage": dict(event["message"]["usage"])}
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(message["content"])
                message["content"].append(dict(event["content_block"]))
                is_open = True
            case "content_block_delta":
                assert is_open
                _add_delta(message["content"][event["index"]], event["delta"], arguments, event["index"])
            case "content_block_stop":
                assert is_open
                is_open = False
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case "error":
                told = _messages_broken(message.get("content", ()), arguments, is_open=is_open)
                told.error, told.finish = _message(event), message.get("stop_reason") or ""
            case "message_stop":
                assert not told.error
                return _messages_whole(_with_inputs(message, arguments))
    return told


def _with_inputs(message: Json, arguments: Mapping[int, str]) -> Json:
    """A message whose calls have what was said of their arguments; without one that was cut off."""
    for index, text in arguments.items():
        try:
            message["content"][index]["input"] = json.loads(text or "{}")
        except json.JSONDecodeError:
            assert message["stop_reason"] in ("max_tokens", "refusal")
            assert index == len(message["content"]) - 1
            message["content"].pop()
    return message


def _messages_broken(blocks: Sequence[Json], arguments: Mapping[int, str], *, is_open: bool) -> Told:
    """What was said before an answer broke off. Clients may act upon a call when its block is closed."""
    told = Told()
    for index, block in enumerate(blocks):
        told.text += block.get("text", "")
        told.thoughts += block.get("thinking", "")
        if block["type"] == "tool_use" and not (is_open and index == len(blocks) - 1):
            _add_call(told, block["id"], block["name"], arguments.get(index) or "{}")
    return told


def _add_delta(block: Json, delta: Json, arguments: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            arguments[index] = arguments.get(index, "") + delta["partial_json"]


# Ollama's chats


def _ollama_body(scene: Scene) -> Json:
    messages: list[Json] = [{"role": "system", "content": scene.system}] if scene.system else []
    messages.append({"role": "user", "content": scene.says, **({"images": [scene.shows]} if scene.shows else {})})
    if scene.earlier:
        calls = [{**_id("id", call), "function": {"name": call.name, "arguments": call.arguments}} for call in scene.earlier]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_name": call.name, **_id("tool_call_id", call), "content": result_of(call)} for call in scene.earlier
        ]
    body: Json = {"messages": messages}
    if scene.tools:
        body["tools"] = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}}]
    if scene.thinks:
        body["think"] = True
    return body


def _id(key: str, call: Call) -> Json:
    """The id of a call, or nothing: ollama-python drops it."""
    return {key: call.id} if call.id else {}


def _ollama_whole(answer: Any) -> Told:
    return _ollama_records([answer])


def _ollama_stream(body: bytes) -> Told:
    return _ollama_records(lines(body))


def _ollama_records(records: list[Any]) -> Told:
    told = Told()
    for place, record in enumerate(records, start=1):
        if "error" in record:
            assert place == len(records)
            told.error = _message(record)
            return told
        message = record["message"]
        told.text += message["content"]
        told.thoughts += message.get("thinking", "")
        for call in message.get("tool_calls") or ():
            _add_call(told, call.get("id", ""), call["function"]["name"], call["function"]["arguments"])
        assert record["done"] is (place == len(records))
        if record["done"]:
            told.ended = True
            told.finish = "tool_calls" if told.calls and record["done_reason"] == "stop" else record["done_reason"]
            _counted(told, record, "prompt_eval_count", "eval_count")
    return told


# Plain texts that are gone on with


def _prompt_body(scene: Scene) -> Json:
    return {"prompt": scene.says, "stream_options": {"include_usage": True}}


def _prompt_whole(answer: Any) -> Told:
    assert answer["object"] == "text_completion"
    (choice,) = answer["choices"]
    told = Told(finish=choice["finish_reason"], ended=True, text=choice["text"], matched=choice.get("stop_reason") or "")
    return _counted(told, answer["usage"], "prompt_tokens", "completion_tokens")


def _prompt_stream(body: bytes) -> Told:
    told = Told()
    *chunks, (_, last) = events(body)
    for _, chunk in chunks if last == "[DONE]" else events(body):
        if chunk.get("error"):
            told.error = _message(chunk)
            continue
        assert chunk["object"] == "text_completion"
        for choice in chunk["choices"]:
            told.text += choice["text"]
            told.finish = choice["finish_reason"] or told.finish
            told.matched = choice.get("stop_reason") or told.matched
        if chunk.get("usage"):
            _counted(told, chunk["usage"], "prompt_tokens", "completion_tokens")
    told.ended = bool(told.finish) and not told.error
    assert last == "[DONE]" or told.error
    return told


def _generate_body(scene: Scene) -> Json:
    body: Json = {"prompt": scene.says}
    if scene.system:
        body["system"] = scene.system
    if scene.shows:
        body["images"] = [scene.shows]
    if scene.thinks:
        body["think"] = True
    return body


def _generated(record: Json) -> Json:
    """A line of `/api/generate` as one of `/api/chat`."""
    assert "message" not in record
    return record if "error" in record else {**record, "message": {"content": record["response"], "thinking": record.get("thinking", "")}}


def _add_call(told: Told, id: str, name: str, arguments: Any) -> None:  # noqa: A002 (as the records call it)
    try:
        told.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else arguments))
    except json.JSONDecodeError:
        assert told.finish in ("length", "content_filter")  # Only these say that nobody may act upon it.
        return
    told.ids.append(id)


def _counted(told: Told, usage: Any, prompt: str, completion: str) -> Told:
    told.prompt_tokens, told.completion_tokens = usage.get(prompt), usage.get(completion)
    return told


_KEY = {"Authorization": "Bearer of-the-client"}
INGRESSES = (
    Ingress("openai.chat", "openai", "/v1/chat/completions", _chat_body, _chat_stream, _chat_whole, _KEY),
    Ingress("openai.responses", "openai", "/v1/responses", _response_body, _response_stream, _response_whole, _KEY),
    Ingress(
        "anthropic.messages",
        "anthropic",
        "/v1/messages",
        _messages_body,
        _messages_stream,
        _messages_whole,
        {"x-api-key": "of-the-client", "anthropic-version": "2023-06-01"},
    ),
    Ingress("ollama.chat", "ollama", "/api/chat", _ollama_body, _ollama_stream, _ollama_whole, {}),
)
"""Those that chat."""

PROMPTS = (
    Ingress("openai.completions", "openai", "/v1/completions", _prompt_body, _prompt_stream, _prompt_whole, _KEY),
    Ingress(
        "ollama.generate",
        "ollama",
        "/api/generate",
        _generate_body,
        lambda body: _ollama_records([_generated(line) for line in lines(body)]),
        lambda answer: _ollama_records([_generated(answer)]),
        {},
    ),
)
"""Those in which one text is asked for another."""
