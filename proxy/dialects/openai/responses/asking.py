"""Reads requests to `/v1/responses`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.canonical.request import ChatRequest, Sampling
from proxy.dialect import Payload
from proxy.dialects.openai.asking.formats import read_format
from proxy.dialects.openai.asking.reasoning import read_reasoning
from proxy.dialects.openai.asking.row import Row, unsupported
from proxy.dialects.openai.asking.sampling import read_extra, read_limit, read_options, read_sampling, read_verbosity
from proxy.dialects.openai.responses.items import read_input
from proxy.dialects.openai.responses.tools import Spaced, offered, read_tools
from proxy.errors import InvalidRequest
from proxy.wire.exact_json import dumps_exact

_MAX_TOP_LOGPROBS = 20
_LOGPROBS = "message.output_text.logprobs"
_STATEFUL = {
    "previous_response_id": "needs a response that was kept here, and none is; send the whole conversation as 'input'",
    "conversation": "needs a conversation that is kept here, and none is; send all of it as 'input'",
    "prompt": "needs a prompt that is kept here, and none is; send its text as 'instructions'",
}
# What a response repeats of its request, as it came, and what stands there when nothing came.
_REPEATED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "user": None,
}


@dataclass(frozen=True, slots=True)
class AskedResponse(ChatRequest):
    """A request to `/v1/responses`.

    Attributes:
        repeated: the members that its answer repeats.
        spaced: functions that stand in namespaces, by the names that the model knows.
    """

    repeated: Mapping[str, Any] = field(default_factory=dict)
    spaced: Mapping[str, Spaced] = field(default_factory=dict)


def parse_response(payload: Payload) -> AskedResponse:
    """The conversation to be continued. Raises `InvalidRequest`."""
    row = Row(payload)
    _refuse_state(row)
    options = read_options(row)
    reasoning = read_reasoning(row, options)
    tools, tool_choice, spaced = read_tools(row)
    text = row.row("text")
    return AskedResponse(
        model=row.required_text("model"),
        messages=read_input(row),
        stream=bool(row.flag("stream")),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=row.flag("parallel_tool_calls") if tools else None,
        response_format=read_format(text.row("format")),
        reasoning=reasoning.effort,
        reasoning_budget=reasoning.budget,
        hides_reasoning=reasoning.hides,
        sampling=_sampling(row, options),
        user=row.text("user") or row.text("safety_identifier") or None,
        extra=read_extra(row, options) | read_verbosity(text),
        repeated=_repeated(row),
        spaced=spaced,
    )


def _refuse_state(row: Row) -> None:
    for name, why in _STATEFUL.items():
        if row.get(name) is not None:
            raise unsupported(name, why)
    if row.flag("background"):
        raise unsupported("background", "must be false: a response is made while its client waits, and not kept")


def _sampling(row: Row, options: Row) -> Sampling:
    sampling = read_sampling(row, options, read_limit(row, "max_output_tokens"))
    top = row.integer("top_logprobs", 0, _MAX_TOP_LOGPROBS)
    if top or _LOGPROBS in row.items("include"):
        return replace(sampling, logprobs=True, top_logprobs=top or None)
    return sampling


def _repeated(row: Row) -> Mapping[str, Any]:
    """Those members. Raises `InvalidRequest` where they can't be written."""
    repeated = {name: otherwise if row.get(name) is None else row.get(name) for name, otherwise in _REPEATED.items()}
    asked = row.row("reasoning")
    repeated |= {"tools": offered(row), "reasoning": {"effort": asked.get("effort"), "summary": asked.get("summary")}}
    _refuse_unwritable(repeated)
    return repeated


def _refuse_unwritable(repeated: Mapping[str, Any]) -> None:
    """What is read may be too deep to be written. Nobody is to hear of that when the answer has been made, and paid for."""
    if _fault_of(repeated) is None:
        return
    for name, value in repeated.items():
        if fault := _fault_of({name: value}):
            raise InvalidRequest(f"Invalid value for '{name}': it can't be written as JSON: {fault}", param=name, code="invalid_value")


def _fault_of(members: Mapping[str, Any]) -> Exception | None:
    """Why they can't be written where they stand deepest: in the response of an event."""
    try:
        dumps_exact({"response": members})
    except (TypeError, RecursionError) as error:
        return error
    return None
