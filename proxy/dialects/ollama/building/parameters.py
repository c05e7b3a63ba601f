"""Everything in a request but its messages: options, tools, format, thinking, how long the model stays. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from proxy.canonical.efforts import effort_of_budget
from proxy.canonical.request import ChatRequest, Effort, PromptRequest, Tool
from proxy.canonical.runner_options import RUNNER_FLAGS, RUNNER_NUMBERS
from proxy.dialects.ollama.building.messages import Json
from proxy.dialects.ollama.building.tool_schemas import References, tool_schema
from proxy.dialects.ollama.loading import KEEP_ALIVE
from proxy.errors import InvalidRequest
from proxy.profiles import Profile

_FOREVER: Final = -1
_EXTRAS: Final = ("num_ctx", *RUNNER_NUMBERS, *RUNNER_FLAGS)

_THINK: Final[Mapping[Effort, bool | str]] = {
    "off": False,
    "on": True,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


def add_options(body: Json, request: ChatRequest | PromptRequest, profile: Profile) -> None:
    """How to choose tokens, and how long to keep the model. Nothing that the client did not say: a model file has defaults of its own."""
    sampling = request.sampling
    options: Json = {name: request.extra[name] for name in _EXTRAS if name in request.extra}
    for ours, wire in profile.sent:
        value = getattr(sampling, ours, None)
        if value is not None:
            options[wire] = value
    if sampling.max_tokens is not None:
        options["num_predict"] = sampling.max_tokens
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    if options:
        body["options"] = options
    if sampling.logprobs and profile.logprobs:
        body["logprobs"] = True
        if sampling.top_logprobs:
            body["top_logprobs"] = sampling.top_logprobs
    seconds = request.extra.get(KEEP_ALIVE)
    if seconds is not None:
        body["keep_alive"] = _FOREVER if math.isinf(seconds) else seconds


def add_tools(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What the model may call.

    Raises:
        InvalidRequest: the model takes no tools; or it must call one, which Ollama can't make it do.
    """
    choice = request.tool_choice
    if not request.tools or choice == "none":
        return
    if choice not in (None, "auto"):
        raise InvalidRequest(
            f'"{request.model}" is on an Ollama server, which cannot make a model call a tool: leave tool_choice out, or use "auto"',
            param="tool_choice",
        )
    if not profile.tools:
        raise InvalidRequest(f'"{request.model}" does not support tools', param="tools")
    body["tools"] = tools_json(request.tools)


def tools_json(tools: Iterable[Tool]) -> list[Json]:
    """The functions that the model may call."""
    references = References()
    return [{"type": "function", "function": _function(tool, references)} for tool in tools]


def _function(tool: Tool, references: References) -> Json:
    parameters, words = tool_schema(tool.parameters, references)
    description = f"{tool.description} {words}".strip()
    return {"name": tool.name, **({"description": description} if description else {}), "parameters": parameters}


def add_format(body: Json, request: ChatRequest) -> None:
    """What the answer must look like."""
    wanted = request.response_format
    if wanted is not None:
        body["format"] = "json" if wanted.schema is None else wanted.schema


def add_thinking(body: Json, request: ChatRequest, profile: Profile) -> None:
    """Whether to think, and how hard where the server takes words for it. Unasked, models that can think do."""
    effort = _effort(request)
    if effort is None or profile.reasoning == "none":
        return
    think = _THINK[effort]
    if isinstance(think, str) and think not in profile.efforts:
        think = "high" if think == "max" and "high" in profile.efforts else True
    body["think"] = think


def _effort(request: ChatRequest) -> Effort | None:
    budget = request.reasoning_budget
    if budget is None or request.reasoning not in (None, "on"):
        return request.reasoning
    return effort_of_budget(budget)
