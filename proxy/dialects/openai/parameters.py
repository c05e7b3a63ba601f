"""Everything in a request but its messages: sampling, tools, format, streaming. What a profile does not name is not sent. Pure."""

from __future__ import annotations

from typing import Any

from proxy.canonical.format_words import in_words
from proxy.canonical.request import ChatRequest, PromptRequest, ResponseFormat, Sampling
from proxy.dialects.openai.messages import Json, add_instruction, tools_json
from proxy.dialects.openai.strictness import is_strict
from proxy.errors import InvalidRequest
from proxy.profiles import Profile

_ANY_OBJECT = {"type": "object"}


def add_sampling(body: Json, request: ChatRequest | PromptRequest, profile: Profile) -> None:
    """How to choose tokens, and where to stop; stop sequences beyond the server's limit are the gateway's business."""
    sampling = request.sampling
    for ours, wire in profile.sent:
        value = getattr(sampling, ours, None)
        if value is not None:
            body[wire] = value
    stops = sampling.stop if profile.stop_limit is None else sampling.stop[: profile.stop_limit]
    if stops:
        body["stop"] = list(stops)
    if request.user is not None and _takes(profile, "user"):
        body["user"] = request.user


def add_extras(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What only some servers know, as the client said it."""
    body |= {wire: request.extra[ours] for ours, wire in profile.sent if ours in request.extra}


def add_token_limit(body: Json, sampling: Sampling, profile: Profile) -> None:
    """How many tokens to make at most, under the server's name for it."""
    if sampling.max_tokens is not None and profile.max_tokens not in profile.dropped:
        body[profile.max_tokens] = profile.answer_within(sampling.max_tokens)


def add_logprobs(body: Json, sampling: Sampling, profile: Profile) -> None:
    """Whether to tell how likely the tokens were."""
    if sampling.logprobs and profile.logprobs:
        body["logprobs"] = True
        if sampling.top_logprobs is not None:
            body["top_logprobs"] = sampling.top_logprobs


def add_tools(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What the model may call, and whether it must. Nothing of this without tools: servers refuse even an empty list.

    Raises:
        InvalidRequest: the model takes no tools.
    """
    if not request.tools:
        return
    if not profile.tools:
        raise InvalidRequest(f'"{request.model}" does not support tools', param="tools")
    body["tools"] = tools_json(request.tools, profile)
    if request.tool_choice is not None:
        _add_tool_choice(body, request.tool_choice, profile)
    if request.parallel_tool_calls is not None and _takes(profile, "parallel_tool_calls"):
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _add_tool_choice(body: Json, choice: Any, profile: Profile) -> None:
    if isinstance(choice, str):
        body["tool_choice"] = profile.any_tool if choice == "required" else choice
    elif profile.named_tool == "object":
        body["tool_choice"] = choice
    else:
        name = choice.get("function", {}).get("name")
        body["tools"] = [tool for tool in body["tools"] if tool["function"]["name"] == name] or body["tools"]
        body["tool_choice"] = profile.any_tool


def add_format(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What the answer must look like: as a constraint where the server knows one, else in words."""
    wanted = request.response_format
    if wanted is None:
        return
    constraint, is_to_be_said = None, True
    if "response_format" not in profile.dropped and (profile.format_with_tools or not request.tools):
        constraint, is_to_be_said = _constraint(wanted, profile, request)
    if constraint is not None:
        body["response_format"] = constraint
    if is_to_be_said:
        add_instruction(body["messages"], in_words(wanted, with_tools=bool(request.tools)))


def _constraint(wanted: ResponseFormat, profile: Profile, request: ChatRequest) -> tuple[Json | None, bool]:
    """The `response_format`, if there is one, and whether the model must be told in words as well."""
    if wanted.kind == "json_schema" and profile.json_schema:
        return _schema_format(wanted.name, wanted.schema or _ANY_OBJECT, wanted.strict, profile), False
    if profile.json_mode == "prompt":
        return None, True
    if profile.json_mode == "json_schema":
        return _schema_format(wanted.name, _ANY_OBJECT, None, profile), wanted.kind == "json_schema"
    if wanted.kind == "json_schema":
        return {"type": "json_object"}, True
    if not profile.json_word or _speaks_of_json(request):
        return {"type": "json_object"}, False
    if profile.json_word == "schema" and profile.json_schema:
        return _schema_format(wanted.name, _ANY_OBJECT, None, profile), False
    return {"type": "json_object"}, True


def _schema_format(name: str, schema: Any, strict: bool | None, profile: Profile) -> Json:
    """A schema to be followed. It is never rewritten to become strict: that would change what it says."""
    about: Json = {"name": name, "schema": schema}
    if strict is None and profile.strict_schema and is_strict(schema):
        strict = True
    if strict is not None:
        about["strict"] = strict
    return {"type": "json_schema", "json_schema": about}


def _speaks_of_json(request: ChatRequest) -> bool:
    texts = (getattr(part, "text", "") for message in request.messages for part in message.parts)
    return any("json" in text.lower() for text in texts)


def add_prefill(body: Json, request: ChatRequest, profile: Profile) -> None:
    """Lets the model go on with its own last words, as Ollama's templates do, where the server must be told to."""
    if profile.prefill in ("", "unasked") or not request.messages or request.messages[-1].role != "assistant":
        return
    last = body["messages"][-1]
    if last["role"] != "assistant" or "tool_calls" in last or not last.get("content"):
        return
    if profile.prefill == "mark":
        last["prefix"] = True
    elif profile.prefill == "switch":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    elif request.reasoning is None:
        # llama.cpp refuses to go on with words where the model would think first.
        body["chat_template_kwargs"] = {"enable_thinking": False}


def add_streaming(body: Json, request: ChatRequest | PromptRequest, profile: Profile) -> None:
    """Whether the server streams. What it can't stream is asked for as a whole: the reader takes it for a stream of one record."""
    if not request.stream or profile.streams == "none" or (profile.streams == "unformatted" and "response_format" in body):
        return
    body["stream"] = True
    if profile.stream_options:
        body["stream_options"] = {"include_usage": True}


def _takes(profile: Profile, name: str) -> bool:
    return name in profile.params and not profile.leaves_out(name)
