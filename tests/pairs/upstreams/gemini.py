"""Gemini's contents."""

from __future__ import annotations

from tests.fake_upstream import Request
from tests.pairs.scenes import REFUSAL, TROUBLE, Scene
from tests.pairs.told import Asked, Turn, same
from tests.pairs.upstreams.egress import SSE, Egress
from tests.pairs.upstreams.pieces import (
    Json,
    bare,
    cut_text,
    cut_thoughts,
    late_call,
    marked_late,
    sse_data,
    text_of,
)


def _parts(scene: Scene) -> list[Json]:
    parts = [marked_late({"text": piece, "thought": True}, late) for piece, late in cut_thoughts(scene)]
    parts += [marked_late({"text": piece}, late) for piece, late in cut_text(scene)]
    signature = {"thoughtSignature": "c2lnbmVk"}
    return parts + [
        late_call(
            {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}, **(signature if not place else {})},
            scene,
            call,
        )
        for place, call in enumerate(scene.whole_calls)
    ]


_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


def _record(scene: Scene, parts: list[Json], finish: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [bare(part) for part in parts]}, "index": 0}
    if finish:
        candidate["finishReason"] = _REASONS[scene.finish]
    usage = {
        "promptTokenCount": scene.prompt_tokens,
        "candidatesTokenCount": scene.completion_tokens,
        "totalTokenCount": scene.prompt_tokens + scene.completion_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r1"}


def _records(scene: Scene) -> list[Json]:
    marks = ("_late", "_torn")
    records = [_record(scene, [part], finish=False) | {mark: part[mark] for mark in marks if mark in part} for part in _parts(scene)]
    return [*records, marked_late(_record(scene, [{"text": ""}], finish=True))]


def _asked(request: Request) -> Asked:
    from google.genai import types

    body, turns, calls, ids = request.json, list[Turn](), list[Json](), list[str]()
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools") or ():
        types.Tool.model_validate(tool)
    if "systemInstruction" in body:
        turns.append(("system", text_of(body["systemInstruction"]["parts"])))
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
    whole=lambda scene: _record(scene, _parts(scene), finish=True),
    records=_records,
    written=lambda record: sse_data(record).replace(b"\n", b"\r\n"),
    trouble={"error": {"code": 500, "message": TROUBLE, "status": "INTERNAL"}},
    refusal={"error": {"code": 400, "message": REFUSAL, "status": "INVALID_ARGUMENT"}},
    stream_headers=SSE,
    asked=_asked,
)
