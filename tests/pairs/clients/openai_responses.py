"""OpenAI's responses."""

from __future__ import annotations

from typing import Any

from tests.pairs.clients.ingress import Ingress, Json, add_call, counted, message_of
from tests.pairs.scenes import SCHEMA, Scene, result_of
from tests.pairs.told import Told, events


def _body(scene: Scene) -> Json:
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


def _whole(answer: Any) -> Told:
    told = Told(ended=answer["status"] in ("completed", "incomplete"))
    for item in answer["output"]:
        match item["type"]:
            case "message":
                told.text += "".join(part["text"] for part in item["content"])
            case "reasoning":
                told.thoughts += "".join(part["text"] for part in (item["summary"] or item.get("content") or ()))
            case "function_call" if item["status"] == "completed":
                add_call(told, item["call_id"], item["name"], item["arguments"])
    if answer["status"] == "incomplete":
        told.finish = {"max_output_tokens": "length"}.get(answer["incomplete_details"]["reason"], "content_filter")
    else:
        told.finish = "tool_calls" if told.calls else "stop"
    return counted(told, answer["usage"] or {}, "input_tokens", "output_tokens")


def _stream(body: bytes) -> Told:
    told, texts = Told(), ""
    numbers, done = [], list[Json]()
    for name, event in events(body):
        if event == "[DONE]":
            continue
        if event["type"] == "error" or name == "error":
            told.error = told.error or event.get("message") or message_of(event)
            continue
        assert name == event["type"]
        numbers.append(event["sequence_number"])
        match event["type"]:
            case "response.output_text.delta":
                texts += event["delta"]
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                done.append(event["item"])
            case "response.completed" | "response.incomplete":
                told = _whole(event["response"])
            case "response.failed":
                told.error = event["response"]["error"]["message"]
    assert numbers == sorted(set(numbers))
    if told.ended:
        assert told.text == texts
    else:
        told.text = texts
        for item in done:  # Clients may act upon these.
            add_call(told, item["call_id"], item["name"], item["arguments"])
    return told


RESPONSES = Ingress("openai.responses", "openai", "/v1/responses", _body, _stream, _whole, {"Authorization": "Bearer of-the-client"})
