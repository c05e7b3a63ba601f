"""A chat request as the scripts see it: `Ask`. Reading one checks what OpenAI checks: an honest judge of its callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.demo.errors import Refusal, too_long
from proxy.demo.models import DemoModel
from proxy.demo.pictures import Picture, picture_of_url
from proxy.demo.schemas import CHAT, load, texts_of
from proxy.demo.tokens import split_tokens
from proxy.demo.tool_script import DemoTool

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a scripted chat model.

    Attributes:
        text: what the user wrote since the model's last answer, else the last thing that the user wrote at all.
        turns: how many messages are the user's.
        tool_results: name of the tool and what it returned, since the model's last answer.
        tool_choice: `auto`, `none`, `required` or the name of a tool.
        json: whether any JSON object is wanted; `schema` when a certain one is.
        effort: how hard to think; `""` for not at all.
    """

    model: DemoModel
    text: str
    system: str
    turns: int
    tool_results: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    tools: tuple[DemoTool, ...]
    tool_choice: str
    parallel: bool
    json: bool
    schema: Mapping[str, Any] | None
    effort: str
    stop: Sequence[str]
    max_tokens: int | None
    stream: bool
    include_usage: bool
    logprobs: bool
    prompt_tokens: int


def read_ask(payload: Any) -> Ask:
    """The request in this payload. Raises `Refusal`."""
    model, body = load(CHAT, payload)
    messages = body["messages"]
    names = _check_messages(messages)
    fresh = _since_last_answer(messages)
    wanted = body.get("response_format", {})
    ask = Ask(
        model=model,
        text=_user_text(fresh) or _user_text([message for message in messages if message["role"] == "user"][-1:]),
        system=" ".join(_text(message) for message in messages if message["role"] in ("system", "developer")),
        turns=sum(message["role"] == "user" for message in messages),
        tool_results=tuple((names[message["tool_call_id"]], _text(message)) for message in fresh if message["role"] == "tool"),
        pictures=tuple(_pictures(fresh)),
        tools=tuple(map(_tool, body.get("tools", ()))),
        tool_choice=_tool_choice(body),
        parallel=body.get("parallel_tool_calls", True),
        json=_json_wanted(wanted),
        schema=_schema_wanted(wanted),
        effort=_effort(body) if model.can("thinking") else "",
        stop=texts_of(body["stop"], "stop") if body.get("stop") else (),
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        stream=body.get("stream", False),
        include_usage=bool(body.get("stream_options", {}).get("include_usage")),
        logprobs=body.get("logprobs", False),
        prompt_tokens=sum(len(split_tokens(_text(message))) for message in messages),
    )
    _check_abilities(ask)
    return ask


def _check_abilities(ask: Ask) -> None:
    """Refuses what the model cannot do."""
    name = ask.model.id
    if not ask.model.can("completion"):
        raise Refusal(f"`{name}` makes embeddings and does not support chat.", param="model")
    if ask.tools and not ask.model.can("tools"):
        raise Refusal(f"`{name}` does not support tools. Use demo-tools or demo-thinking.", param="tools")
    if ask.pictures and not ask.model.can("vision"):
        raise Refusal(f"`{name}` does not support image input. Use demo-vision.", param="messages")
    if ask.prompt_tokens > ask.model.context_length:
        raise too_long(ask.prompt_tokens, ask.model.context_length, "messages")


def _check_messages(messages: Sequence[Any]) -> dict[str, str]:
    """The name of the function of each tool call, by id. Refuses unknown roles, odd contents and results that answer no call."""
    names: dict[str, str] = {}
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise Refusal(f"Invalid 'messages[{at}].role': one of {', '.join(sorted(_ROLES))} is expected.", param=f"messages[{at}].role")
        if not isinstance(message.get("content", ""), str | list | None):
            raise Refusal(f"Invalid 'messages[{at}].content': a text or a list of parts is expected.", param=f"messages[{at}].content")
        if message["role"] == "tool" and message.get("tool_call_id") not in names:
            reason = "a message of role 'tool' must answer a call of an earlier message with 'tool_calls'"
            raise Refusal(f"Invalid 'messages[{at}].tool_call_id': {reason}.", param=f"messages[{at}].tool_call_id")
        names.update(_call_names(message, at))
    return names


def _call_names(message: Message, at: int) -> dict[str, str]:
    try:
        return {
            call["id"]: str(call["function"]["name"])
            for call in message.get("tool_calls") or ()
            if call["function"]["arguments"] is not None
        }
    except (TypeError, KeyError):
        where = f"messages[{at}].tool_calls"
        raise Refusal(f"Invalid '{where}': each call needs 'id', 'function.name' and 'function.arguments'.", param=where) from None


def _since_last_answer(messages: Sequence[Message]) -> Sequence[Message]:
    last = max((at for at, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return messages[last + 1 :]


def _user_text(messages: Iterable[Message]) -> str:
    return "\n".join(filter(None, (_text(message) for message in messages if message["role"] == "user")))


def _text(message: Message) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping) and part.get("type") == "text")


def _pictures(messages: Iterable[Message]) -> Iterable[Picture]:
    """The pictures in the messages. Refuses parts of other kinds than text and picture."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind == "image_url":
                image = part.get("image_url")
                yield picture_of_url(str(image.get("url", "")) if isinstance(image, Mapping) else str(image))
            elif kind != "text":
                raise Refusal(f"This demo does not support content of type {kind!r}.", param="messages")


def _tool(tool: Mapping[str, Any]) -> DemoTool:
    function = tool.get("function") if tool else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Refusal("Invalid 'tools': each one needs 'type' and 'function.name'.", param="tools")
    return DemoTool(function["name"], str(function.get("description") or ""), function.get("parameters") or {})


def _tool_choice(body: Mapping[str, Any]) -> str:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str) and choice in ("auto", "none", "required"):
        return choice
    name = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else None
    if name not in [tool["function"]["name"] for tool in body.get("tools", ())]:
        raise Refusal("Invalid 'tool_choice': auto, none, required or one of the tools is expected.", param="tool_choice")
    return str(name)


def _json_wanted(wanted: Mapping[str, Any]) -> bool:
    kind = wanted.get("type", "text")
    if kind not in ("text", "json_object", "json_schema"):
        raise Refusal("Invalid 'response_format.type': text, json_object or json_schema is expected.", param="response_format")
    return bool(kind != "text")


def _schema_wanted(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema; `None` when any object will do."""
    if wanted.get("type") != "json_schema":
        return None
    schema = wanted["json_schema"].get("schema") if isinstance(wanted.get("json_schema"), Mapping) else None
    if not isinstance(schema, Mapping):
        raise Refusal("Invalid 'response_format.json_schema': an object with 'name' and 'schema' is expected.", param="response_format")
    return None if schema == {"type": "object"} else schema


def _effort(body: Mapping[str, Any]) -> str:
    """How hard to think, in any of the ways in which servers let it be said."""
    template, reasoning = body.get("chat_template_kwargs", {}), body.get("reasoning", {})
    effort = body.get("reasoning_effort") or reasoning.get("effort") or "high"
    switches = (template.get("enable_thinking"), template.get("thinking"), reasoning.get("enabled"))
    off = effort == "none" or any(switch is False for switch in switches) or body.get("thinking", {}).get("type") == "disabled"
    return "" if off else str(effort)
