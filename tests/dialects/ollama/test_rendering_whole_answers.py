"""Whole answers for Ollama's clients, and those to a model's loading and unloading."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.completion import CUT_OFF, FinishReason
from proxy.canonical.request import PromptRequest, ReasoningPart, RefusalPart, Sampling, TextPart, ToolCallPart
from proxy.dialects.ollama.rendering import GenerateStreamRenderer, render_chat, render_chat_loaded, render_generate, render_generate_loaded
from proxy.errors import UpstreamBroken
from tests.dialects.ollama.answers import (
    OPENAI_LOGPROBS,
    TickingStopwatch,
    a_chat_request,
    a_completion,
    a_part,
    a_stream,
    rendered,
    without_time,
)


def test_a_whole_chat_is_one_object_with_everything() -> None:
    completion = a_completion(
        parts=(
            ReasoningPart("pl"),
            ReasoningPart("an"),
            TextPart("He"),
            RefusalPart("llo"),
            ToolCallPart("a", "f", '{"x":1}'),
            ToolCallPart("b", "g", ""),
        ),
        finish_reason="tool_calls",
        logprobs=OPENAI_LOGPROBS,
    )

    whole = orjson.loads(render_chat(completion, a_chat_request(sampling={"logprobs": True}), TickingStopwatch()))

    assert whole["created_at"] == "2026-01-02T03:04:05.678901234Z"
    assert without_time(whole) == {
        "model": "llama3",
        "message": {
            "role": "assistant",
            "content": "Hello",
            "thinking": "plan",
            "tool_calls": [
                {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
                {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
            ],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 12,
        "eval_count": 5,
        "logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "", "logprob": -2}],
    }


def test_a_whole_generate_has_response_and_no_context() -> None:
    completion = a_completion(parts=(ReasoningPart("plan"), TextPart("Hello")))

    whole = orjson.loads(render_generate(completion, a_chat_request(), TickingStopwatch()))

    assert (whole["response"], whole["thinking"], whole["done_reason"]) == ("Hello", "plan", "stop")
    assert not {"message", "context", "tool_calls"} & whole.keys()


def test_a_whole_answer_without_thinking_has_no_such_key() -> None:
    for completion, changes in ((a_completion(), {}), (a_completion(parts=(ReasoningPart("plan"),)), {"reasoning": "off"})):
        assert "thinking" not in orjson.loads(render_chat(completion, a_chat_request(**changes), TickingStopwatch()))["message"]
        assert "thinking" not in orjson.loads(render_generate(completion, a_chat_request(**changes), TickingStopwatch()))


def test_a_plain_continuation_is_rendered_as_a_generate() -> None:
    request = PromptRequest("llama3", "once", sampling=Sampling(logprobs=False))

    assert orjson.loads(render_generate(a_completion(), request, TickingStopwatch()))["response"] == "Hello"
    assert rendered(GenerateStreamRenderer(request, TickingStopwatch()), a_stream(a_part("text", "a")))[0]["response"] == "a"


@pytest.mark.parametrize("finish", sorted(CUT_OFF))
def test_a_whole_call_with_unreadable_arguments_raises_unless_cut_off(finish: FinishReason) -> None:
    parts = (TextPart("ok"), ToolCallPart("a", "f", '{"x":'))

    with pytest.raises(UpstreamBroken, match="the tool 'f' with arguments that are not a JSON object"):
        render_chat(a_completion(parts=parts, finish_reason="tool_calls"), a_chat_request(), TickingStopwatch())
    whole = orjson.loads(render_chat(a_completion(parts=parts, finish_reason=finish), a_chat_request(), TickingStopwatch()))
    assert (whole["message"], whole["done_reason"]) == ({"role": "assistant", "content": "ok"}, finish)


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_load_and_unload_are_one_object_without_metrics(reason: str) -> None:
    chat = orjson.loads(render_chat_loaded(a_chat_request(), TickingStopwatch(), reason))
    generate = orjson.loads(render_generate_loaded(a_chat_request(), TickingStopwatch(), reason))

    assert without_time(chat) == {"model": "llama3", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
    assert without_time(generate) == {"model": "llama3", "response": "", "done": True, "done_reason": reason}
