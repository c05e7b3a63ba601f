"""Reads requests to `/v1/chat/completions`. Pure."""

from __future__ import annotations

from dataclasses import replace

from proxy.canonical.request import Sampling
from proxy.dialect import Payload
from proxy.dialects.openai.asking.answers import read_answers, with_seed_of
from proxy.dialects.openai.asking.formats import read_format
from proxy.dialects.openai.asking.messages import read_messages
from proxy.dialects.openai.asking.reasoning import read_reasoning
from proxy.dialects.openai.asking.row import Row, missing, unsupported
from proxy.dialects.openai.asking.sampling import read_extra, read_limit, read_options, read_sampling, read_verbosity
from proxy.dialects.openai.asking.tools import read_choice, read_tools
from proxy.dialects.openai.asking.wishes import AskedChat
from proxy.errors import InvalidRequest

_MAX_TOP_LOGPROBS = 20


def parse_chat(payload: Payload) -> AskedChat:
    """The conversation to be continued. Raises `InvalidRequest`."""
    row = Row(payload)
    answers = read_answers(row)
    _check_modalities(row)
    options = read_options(row)
    reasoning = read_reasoning(row, options)
    tools, tool_choice = read_choice(row, read_tools(row))
    speaks_functions = row.get("functions") is not None and row.get("tools") is None
    messages = row.rows("messages")
    if not messages:
        raise missing("messages")
    asked = AskedChat(
        model=row.required_text("model"),
        messages=read_messages(messages),
        stream=bool(row.flag("stream")),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=_may_call_several(row, speaks_functions=speaks_functions) if tools else None,
        response_format=read_format(row.row("response_format"), "json_schema"),
        reasoning=reasoning.effort,
        reasoning_budget=reasoning.budget,
        hides_reasoning=reasoning.hides,
        sampling=_sampling(row, options),
        user=row.text("user") or row.text("safety_identifier") or None,
        extra=read_extra(row, options) | read_verbosity(row),
        wants_usage=wants_usage(row),
        speaks_functions=speaks_functions,
    )
    return asked if answers == 1 else _asked_for_several(asked, answers)


def _asked_for_several(asked: AskedChat, answers: int) -> AskedChat:
    return replace(asked, others=tuple(replace(asked, sampling=with_seed_of(asked.sampling, place)) for place in range(1, answers)))


def _may_call_several(row: Row, *, speaks_functions: bool) -> bool | None:
    """What the client says of it. An answer that speaks of functions has a place for one call."""
    return False if speaks_functions else row.flag("parallel_tool_calls")


def wants_usage(row: Row) -> bool:
    """Whether the stream shall end with token counts. Raises `InvalidRequest`."""
    return bool(row.row("stream_options").flag("include_usage"))


def _sampling(row: Row, options: Row) -> Sampling:
    max_tokens = read_limit(row, "max_completion_tokens")
    sampling = read_sampling(row, options, read_limit(row, "max_tokens") if max_tokens is None else max_tokens)
    logprobs, top = bool(row.flag("logprobs")), row.integer("top_logprobs", 0, _MAX_TOP_LOGPROBS)
    if top and not logprobs:
        raise InvalidRequest("Invalid 'top_logprobs': it needs 'logprobs' to be true.", param="top_logprobs", code="invalid_value")
    return replace(sampling, logprobs=logprobs, top_logprobs=top) if logprobs else sampling


def _check_modalities(row: Row) -> None:
    for modality in row.items("modalities"):
        if modality != "text":
            raise unsupported("modalities", "must be ['text']: this model answers with nothing else")
