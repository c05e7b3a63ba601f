"""Whole messages, errors, counts and lists, read by the vendor's SDK where it reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic
import orjson
import pytest

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import PartClosed
from proxy.canonical.fold import collect
from proxy.canonical.request import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    ResponseFormat,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.anthropic.failures import render_error
from proxy.dialects.anthropic.ingress import admit, render_count
from proxy.dialects.anthropic.model_list import Page, parse_page, render_model, render_models
from proxy.dialects.anthropic.models import card_of
from proxy.dialects.anthropic.rendering import render_message, render_remembered
from proxy.dialects.anthropic.token_estimate import estimated_tokens, estimated_tokens_unread
from proxy.errors import (
    InvalidRequest,
    ModelNotFound,
    NotSupported,
    Overloaded,
    ProxyError,
    RequestTimeout,
    RequestTooLarge,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
)
from tests.dialects.anthropic.answers import STOPWATCH, a_call, a_chat_request, a_part, a_stream
from tests.fake_upstream import Answer, FakeUpstream

Reads = Callable[..., anthropic.Anthropic]
ASKED: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def whole(*parts: Any, finish: Any = "stop", usage: Usage | None = None, **changes: Any) -> bytes:
    return render_message(collect(a_stream(*parts, finish=finish, usage=usage)), a_chat_request(**changes), STOPWATCH)


def test_sdk_reads_a_whole_message(sdk: Reads) -> None:
    body = whole(a_part("reasoning", "plan"), a_part("text", "ok"), a_call("a", "f", '{"x":1}'), finish="tool_calls", usage=Usage(9, 8))
    message = sdk(body, stream=False).messages.create(**ASKED)
    assert [block.to_dict() for block in message.content] == [
        {"type": "thinking", "thinking": "plan", "signature": ""},
        {"type": "text", "text": "ok"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]
    assert (message.id, message.role, message.type, message.model) == ("msg_1", "assistant", "message", "claude")
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 9, 8)


def test_arguments_keep_their_letters() -> None:
    assert b'"input":{"id": 12345678901234567890123, "x": 1.0}' in whole(
        a_call("a", "f", '{"id": 12345678901234567890123, "x": 1.0}'), finish="tool_calls"
    )


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_tokens"), ("content_filter", "refusal")])
def test_half_a_call_is_left_out_when_it_was_cut_off(finish: FinishReason, reason: str) -> None:
    message = orjson.loads(whole(a_part("text", "x"), a_call("a", "f", '{"x":'), finish=finish))
    assert ([block["type"] for block in message["content"]], message["stop_reason"]) == (["text"], reason)


def test_arguments_that_are_no_object_are_a_failure() -> None:
    with pytest.raises(UpstreamBroken, match="tool 'f'"):
        whole(a_call("a", "f", "[1]"), finish="tool_calls")


def test_thoughts_are_shown_as_the_client_wants_them() -> None:
    signed = a_part("reasoning", "plan", closed=PartClosed("c2ln", "anthropic"))
    redacted = a_part("reasoning", closed=PartClosed("ZGF0", "anthropic", redacted=True))
    assert orjson.loads(whole(signed, redacted))["content"] == [
        {"type": "thinking", "thinking": "plan", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0"},
    ]
    assert orjson.loads(whole(signed, hides_reasoning=True))["content"] == [{"type": "thinking", "thinking": "", "signature": "c2ln"}]
    assert orjson.loads(whole(a_part("reasoning", "plan"), hides_reasoning=True))["content"] == []
    assert orjson.loads(whole(signed, redacted, reasoning="off"))["content"] == []


def test_request_for_no_tokens_is_answered_here(sdk: Reads) -> None:
    asked = a_chat_request(sampling=Sampling(max_tokens=0), stream=False)
    body = render_remembered(asked, STOPWATCH)
    assert body is not None
    message = sdk(body, stream=False).messages.create(**ASKED | {"max_tokens": 0})
    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 0)
    assert render_remembered(a_chat_request(), STOPWATCH) is None


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (InvalidRequest("messages: Field required", param="messages"), anthropic.BadRequestError, "invalid_request_error"),
        (ModelNotFound("x"), anthropic.NotFoundError, "not_found_error"),
        (RequestTooLarge("too large"), anthropic.APIStatusError, "request_too_large"),
        (RequestTimeout("slow"), anthropic.APIStatusError, "timeout_error"),
        (NotSupported("no"), anthropic.InternalServerError, "invalid_request_error"),
        (Overloaded("busy"), anthropic.InternalServerError, "overloaded_error"),
        (UpstreamBroken("cut"), anthropic.InternalServerError, "api_error"),
        (UpstreamTimeout("silent"), anthropic.InternalServerError, "timeout_error"),
        (ProxyError("ours"), anthropic.InternalServerError, "api_error"),
        (UpstreamRefused("no", status=401), anthropic.AuthenticationError, "authentication_error"),
        (UpstreamRefused("no", status=402), anthropic.APIStatusError, "billing_error"),
        (UpstreamRefused("no", status=403), anthropic.PermissionDeniedError, "permission_error"),
        (UpstreamRefused("no", status=409), anthropic.ConflictError, "conflict_error"),
        (UpstreamRefused("no", status=422), anthropic.UnprocessableEntityError, "invalid_request_error"),
        (UpstreamRefused("no", status=429), anthropic.RateLimitError, "rate_limit_error"),
        (
            UpstreamRefused("no", status=400, raw={"type": "error", "error": {"type": "billing_error"}}),
            anthropic.BadRequestError,
            "billing_error",
        ),
        (
            UpstreamRefused("no", status=502, raw={"error": {"type": "rate_limit_error"}}),
            anthropic.InternalServerError,
            "api_error",
        ),
    ],
)
def test_errors_are_of_the_sdks_classes(sdk: Reads, error: ProxyError, raised: type[anthropic.APIStatusError], kind: str) -> None:
    client = sdk(render_error(error, "req_1"), status=error.status, stream=False)
    with pytest.raises(raised) as caught:
        client.messages.create(**ASKED)
    assert caught.value.body == {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": "req_1"}
    assert caught.value.request_id == "req_1"


def test_too_long_a_prompt_is_told_in_the_words_that_clients_look_for() -> None:
    error = UpstreamRefused("maximum context length is 8192 tokens", status=400, code="context_length_exceeded")
    assert orjson.loads(render_error(error))["error"]["message"] == "prompt is too long: maximum context length is 8192 tokens"
    known = UpstreamRefused("Prompt is too long: 9 tokens > 8 maximum", status=400, code="context_length_exceeded")
    assert orjson.loads(render_error(known))["error"]["message"] == known.message


def a_model(name: str, **card: Any) -> ListedModel:
    return ListedModel(name, ModelCard(name, **card), "origin")


MODELS = [a_model(name) for name in "abcde"]


def ids(page: Page) -> tuple[list[str], bool]:
    listed = orjson.loads(render_models(MODELS, page))
    found = [entry["id"] for entry in listed["data"]]
    assert (listed["first_id"], listed["last_id"]) == ((found[0], found[-1]) if found else (None, None))
    return found, listed["has_more"]


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({}, ("abcde", False)),
        ({"limit": "2"}, ("ab", True)),
        ({"limit": "2", "after_id": "b"}, ("cd", True)),
        ({"limit": "2", "after_id": "c"}, ("de", False)),
        ({"after_id": "e"}, ("", False)),
        ({"limit": "2", "before_id": "d"}, ("bc", True)),
        ({"limit": "3", "before_id": "d"}, ("abc", False)),
        ({"before_id": "a"}, ("", False)),
    ],
)
def test_pages_are_cut_as_anthropic_cuts_them(query: dict[str, str], listed: tuple[str, bool]) -> None:
    found, has_more = ids(parse_page(query))
    assert ("".join(found), has_more) == listed


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"limit": "9" * 99}, {"after_id": "a", "before_id": "b"}]
)
def test_pages_that_cannot_be_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_page(query)
    assert caught.value.param in ("limit", "before_id")


def test_page_behind_no_model_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="after_id: there is no model 'z' in the list"):
        render_models(MODELS, Page(after_id="z"))


def test_sdk_walks_through_all_pages(upstream: FakeUpstream) -> None:
    def page(asked: Any) -> Answer:
        query = dict(pair.split("=") for pair in asked.query.split("&")) if asked.query else {}
        return Answer(200, {"content-type": "application/json"}, [render_models(MODELS, parse_page(query))])

    upstream.on("/v1/models", page)
    with anthropic.Anthropic(api_key="key", base_url=upstream.base_url.removesuffix("/v1")) as client:
        assert [model.id for model in client.models.list(limit=2)] == list("abcde")


def test_models_tell_what_is_known_of_them() -> None:
    known = a_model("m", created=1_700_000_000, context_length=8192, raw={"display_name": "The M"})
    assert orjson.loads(render_model(known)) == {
        "type": "model",
        "id": "m",
        "display_name": "The M",
        "created_at": "2023-11-14T22:13:20Z",
        "max_input_tokens": 8192,
    }
    for created in (0, 1_700_000_000_000, 2**62, -1):  # unknown, in milliseconds, or of no calendar
        assert orjson.loads(render_model(a_model("m", created=created)))["created_at"] == "1970-01-01T00:00:00Z"


CLAUDE = {
    "type": "model",
    "id": "claude-opus-5",
    "display_name": "Claude Opus 5",
    "created_at": "2026-03-01T00:00:00Z",
    "lifecycle": "active",
    "max_input_tokens": 1_000_000,
    "max_tokens": 128_000,
    "capabilities": {"image_input": {"supported": True}, "batch": {"supported": False}},
    "new": None,
}


def test_what_a_server_of_anthropics_tells_is_told_under_the_clients_name() -> None:
    card = card_of("claude-opus-5", CLAUDE)
    assert orjson.loads(render_model(ListedModel("ant/opus", card, "origin"))) == {**CLAUDE, "id": "ant/opus"}
    (entry,) = orjson.loads(render_models([ListedModel("opus", card, "origin")], Page()))["data"]
    assert list(entry.items()) == list({**CLAUDE, "id": "opus"}.items())


def test_what_the_operator_says_of_a_model_comes_before_its_servers_word() -> None:
    card = replace(card_of("claude-opus-5", CLAUDE), context_length=200_000)
    assert orjson.loads(render_model(ListedModel("opus", card, "origin"))) == {**CLAUDE, "id": "opus", "max_input_tokens": 200_000}


def test_an_entry_that_is_nested_too_deeply_is_the_upstreams_fault() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"x": deep}
    with pytest.raises(UpstreamBroken, match="can't be written"):
        render_model(a_model("m", raw={**CLAUDE, "deep": deep}))


@pytest.mark.parametrize("raw", [{"object": "model", "type": "chat"}, {"type": "model", "display_name": "M"}, {"created_at": "2026-03-01"}])
def test_members_of_other_lists_are_not_told(raw: dict[str, Any]) -> None:
    told = orjson.loads(render_model(a_model("m", raw={**raw, "max_tokens": 7})))
    assert (told["type"], "max_tokens" in told) == ("model", False)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ({"display_name": "The M", "name": "m-1"}, "The M"),
        ({"displayName": "Gemini 2.5 Flash", "name": "models/gemini-2.5-flash"}, "Gemini 2.5 Flash"),
        ({"name": "models/gemini-2.5-flash"}, "gemini-2.5-flash"),
        ({"name": "Maker: The M"}, "Maker: The M"),
        ({"displayName": 7, "name": ""}, "m"),
        ({}, "m"),
    ],
)
def test_models_are_shown_as_their_makers_call_them(raw: dict[str, Any], shown: str) -> None:
    assert orjson.loads(render_model(a_model("m", raw=raw)))["display_name"] == shown


def test_sdk_reads_counts(sdk: Reads) -> None:
    client = sdk(render_count(42), stream=False, path="/v1/messages/count_tokens")
    assert client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hi"}]).input_tokens == 42


def test_estimates_grow_with_all_that_is_sent() -> None:
    def tokens(*parts: Any, **changes: Any) -> int:
        return estimated_tokens(ChatRequest("m", (Message("user", parts),), **changes))

    words = tokens(TextPart("word " * 100))
    assert 100 <= words <= 150
    assert tokens(TextPart("字" * 100)) in range(100, 120)
    assert tokens(TextPart("é" * 100)) > tokens(TextPart("e" * 100))
    assert tokens(TextPart("a"), ImagePart(mime="image/png", data="AAAA")) > tokens(TextPart("a")) + 1000
    assert tokens(FilePart("application/pdf", "A" * 40_000)) > 500
    assert tokens(FilePart(url="https://x/y.pdf")) > 500
    assert tokens(AudioPart("wav", "A" * 40_000)) > 500
    assert tokens(ToolCallPart("a", "f", '{"x":1}')) > tokens(TextPart("f"))
    assert tokens(ToolResultPart("a", "f", (TextPart("word " * 100),))) > words
    assert tokens(ReasoningPart("word " * 100)) == words
    tool = Tool("f", "does", {"type": "object", "properties": {"x": {"const": 2**70}}})
    assert tokens(TextPart("a"), tools=(tool,)) > tokens(TextPart("a")) + 20
    assert tokens(TextPart("a"), response_format=ResponseFormat("json_schema", {"type": "object"})) > tokens(TextPart("a"))
    assert estimated_tokens(ChatRequest("m", ())) == 1


def test_what_cannot_be_read_is_estimated_by_its_json() -> None:
    text: Any = "a" * 400
    for _ in range(900):
        text = [text]
    assert estimated_tokens_unread({"messages": text, "stream": "b" * 400}) == 100
    block = {"type": "document", "source": {"type": "text", "data": "a" * 400}}
    assert 100 <= estimated_tokens_unread({"messages": [{"role": "user", "content": [block]}]}) <= 120
    assert estimated_tokens_unread({"messages": 7}) == 1


def test_models_are_refused_what_they_are_known_to_lack() -> None:
    asked, calling = a_chat_request(), a_chat_request(tools=(Tool("f"),))
    admit(calling, None)
    admit(calling, ModelCard("m"))
    admit(a_chat_request(reasoning="high"), ModelCard("m", capabilities=frozenset({"completion"})))
    with pytest.raises(InvalidRequest, match="does not support tools"):
        admit(calling, ModelCard("m", capabilities=frozenset({"completion"})))
    with pytest.raises(InvalidRequest, match="does not support messages"):
        admit(asked, ModelCard("m", capabilities=frozenset({"embedding"})))
