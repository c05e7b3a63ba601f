"""A whole request: the parts of its body in their places, and what they forbid each other. Pure.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Final

from proxy.canonical.google_options import refuse_cached_content
from proxy.canonical.prompts import as_chat
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.dialects.anthropic.building.blocks import Json
from proxy.dialects.anthropic.building.formats import format_way, words_of
from proxy.dialects.anthropic.building.thinking import LEAST_BUDGET, Thinking, thinking_of
from proxy.dialects.anthropic.building.tools import add_tools, must_answer_by
from proxy.dialects.anthropic.building.turns import Turns, turns_of
from proxy.errors import InvalidRequest
from proxy.profiles import Profile
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall

_PATH: Final = "/v1/messages"
_COUNT_PATH: Final = "/v1/messages/count_tokens"

# A number must be said. So many tokens every model can write.
_USUAL_OUTPUT = 8192
_LEAST_ANSWER = 1024
# Models differ in what they take of these while they think; nothing is what all take.
_SAMPLING = ("temperature", "top_p", "top_k")
_HOTTEST = 1.0
# What counting takes. Source: https://platform.claude.com/docs/en/api/messages-count-tokens
_COUNTED: Final = ("model", "system", "messages", "tools", "tool_choice", "thinking", "output_config")


def build_chat(request: ChatRequest, route: Route) -> UpstreamCall:
    """The call for a chat.

    Raises:
        InvalidRequest: it holds what such servers have no place for.
    """
    refuse_cached_content(request.extra)
    body = _body(request, route)
    return UpstreamCall(_PATH, dumps(body), route.upstream_model, stream=request.stream)


def build_prompt(request: PromptRequest, route: Route) -> UpstreamCall:
    """The call for a plain continuation: what Claude answers to the text as a user's words is as near to it as can be had.

    Raises:
        NotSupported: the text is a finished prompt.
        InvalidRequest: there is a gap to be filled, or log probabilities are wanted.
    """
    return build_chat(as_chat(request), route)


def build_count(request: ChatRequest, route: Route) -> UpstreamCall:
    """The call that counts the tokens of a request."""
    body = _body(request, route)
    counted = dumps({key: body[key] for key in _COUNTED if key in body})
    return UpstreamCall(_COUNT_PATH, counted, route.upstream_model, purpose=Purpose.QUESTION)


def _body(request: ChatRequest, route: Route) -> Json:
    profile = route.profile
    if request.sampling.logprobs:
        raise InvalidRequest("this model's server tells no log probabilities", param="logprobs")
    turns = turns_of(request.messages, profile)
    thinking = thinking_of(request, turns, profile)
    body: Json = {"model": route.upstream_model}
    _add_limit(body, request, thinking, profile)
    if turns.system:
        body["system"] = turns.system
    body["messages"] = turns.messages
    add_tools(body, request, turns.called, profile, thinks=thinking.is_on)
    _add_thinking(body, thinking)
    _add_format(body, request, turns, profile, thinks=thinking.is_on)
    _add_sampling(body, request, profile, thinks=thinking.is_on)
    if request.user is not None and "user" in profile.params and not profile.leaves_out("metadata"):
        body["metadata"] = {"user_id": request.user}
    if request.stream:
        body["stream"] = True
    return body


def _add_limit(body: Json, request: ChatRequest, thinking: Thinking, profile: Profile) -> None:
    """How many tokens to make at most. Thoughts count, too: a limit that leaves nothing beside their budget comes on top of it."""
    asked = request.sampling.max_tokens
    limit = max(1, asked) if asked is not None else profile.output_limit or _USUAL_OUTPUT
    if thinking.budget and limit <= thinking.budget:
        limit += thinking.budget
    limit = profile.answer_within(limit)
    if thinking.field is not None and limit <= thinking.budget:
        thinking.field["budget_tokens"] = max(LEAST_BUDGET, limit - _LEAST_ANSWER)
    body["max_tokens"] = limit


def _add_thinking(body: Json, thinking: Thinking) -> None:
    if thinking.field is not None:
        body["thinking"] = thinking.field
    if thinking.effort:
        body["output_config"] = {"effort": thinking.effort}


def _add_format(body: Json, request: ChatRequest, turns: Turns, profile: Profile, *, thinks: bool) -> None:
    wanted = request.response_format
    way, schema = format_way(request, profile, thinks=thinks or bool(turns.called))
    if wanted is None:
        return
    if way == "schema":
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    elif way == "tool" and schema is not None:
        body |= {"tools": [schema], "tool_choice": must_answer_by(schema["name"])}
    else:
        body["system"] = [*turns.system, words_of(wanted, with_tools=bool(request.tools))]


def _add_sampling(body: Json, request: ChatRequest, profile: Profile, *, thinks: bool) -> None:
    """How to choose tokens, and where to stop."""
    sampling = request.sampling
    for ours, wire in profile.sent:
        value = getattr(sampling, ours, None)
        if value is not None and not (thinks and ours in _SAMPLING):
            body[wire] = value
    if "temperature" in body:
        body["temperature"] = min(body["temperature"], _HOTTEST)
        if not profile.sampling_pairs:
            body.pop("top_p", None)
    stops = [stop for stop in sampling.stop if profile.blank_stops or not stop.isspace()]
    if profile.stop_limit is not None:
        stops = [stop for stop in sampling.stop[: profile.stop_limit] if stop in stops]
    if stops:
        body["stop_sequences"] = stops
