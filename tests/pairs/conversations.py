"""Conversations of many turns, as each of the clients' APIs sends them, and as every upstream must be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.pairs.scenes import PNG, SCHEMA, Call
from tests.pairs.told import Turn, same

Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A call, and what came of it."""

    call: Call
    said: str
    failed: bool = False


@dataclass(frozen=True)
class User:
    says: str
    shows: bool = False


@dataclass(frozen=True)
class Model:
    thoughts: str = ""
    says: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Tools:
    outcomes: tuple[Outcome, ...]


Step = User | Model | Tools


@dataclass(frozen=True)
class Round:
    """What the user says, and all that the model does about it."""

    user: User
    model: Model
    outcomes: tuple[Outcome, ...]
    reply: str

    def steps(self) -> Iterator[Step]:
        """The turns of it. Without calls the model just replies."""
        yield self.user
        if self.outcomes:
            yield Model(self.model.thoughts, self.model.says, tuple(outcome.call for outcome in self.outcomes))
            yield Tools(self.outcomes)
            if self.reply:
                yield Model(says=self.reply)
        else:
            yield Model(self.model.thoughts, self.reply or "well")


@dataclass(frozen=True)
class Talk:
    """A conversation.

    Attributes:
        told_by: how Ollama's clients say which call a result answers.
    """

    system: str
    rounds: tuple[Round, ...]
    last: User
    told_by: Literal["id", "name", "place"] = "id"

    def steps(self) -> Iterator[Step]:
        """All turns but the system's."""
        for each in self.rounds:
            yield from each.steps()
        yield self.last

    def ids(self) -> list[str]:
        """The ids of all calls."""
        return [call.id for step in self.steps() if isinstance(step, Model) for call in step.calls]

    def expected(self, ingress: str, egress: str) -> list[Turn]:
        """What an upstream must be asked, as `Asked.turns` has it."""
        turns: list[Turn] = [("system", self.system)] if self.system else []
        for step in self.steps():
            match step:
                case User():
                    turns += [("user", step.says), *([("image", PNG)] if step.shows else [])]
                case Model():
                    # Nobody signed them: Claude would refuse them, and others have no place for them.
                    turns += [("thoughts", step.thoughts)] if step.thoughts and egress == "ollama" else []
                    turns += [("model", step.says)] if step.says else []
                    turns += [("call", call.name, same(call.written)) for call in step.calls]
                case Tools():
                    tells = ingress == "anthropic.messages"
                    turns += [
                        ("failed" if outcome.failed and tells else "result", same(outcome.call.written), outcome.said)
                        for outcome in step.outcomes
                    ]
        return turns


def _chat(talk: Talk) -> Json:
    def rows(step: Step) -> Iterator[Json]:
        match step:
            case User(says, shows):
                picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
                yield {"role": "user", "content": [{"type": "text", "text": says}, picture] if shows else says}
            case Model(thoughts, says, calls):
                row: Json = {"role": "assistant", "content": says or None}
                if thoughts:
                    row["reasoning_content"] = thoughts
                if calls:
                    row["tool_calls"] = [
                        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.written}} for call in calls
                    ]
                yield row
            case Tools(outcomes):
                for outcome in outcomes:
                    yield {"role": "tool", "tool_call_id": outcome.call.id, "content": outcome.said}

    system = [{"role": "system", "content": talk.system}] if talk.system else []
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
    return {"messages": [*system, *_all(talk, rows)], "tools": tools}


def _responses(talk: Talk) -> Json:
    def items(step: Step) -> Iterator[Json]:
        match step:
            case User(says, shows):
                picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
                yield {"role": "user", "content": [{"type": "input_text", "text": says}, *([picture] if shows else [])]}
            case Model(thoughts, says, calls):
                if thoughts:
                    yield {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": thoughts}]}
                if says:
                    yield {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": says, "annotations": []}]}
                for call in calls:
                    yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.written}
            case Tools(outcomes):
                for outcome in outcomes:
                    yield {"type": "function_call_output", "call_id": outcome.call.id, "output": outcome.said}

    body: Json = {"input": _all(talk, items), "store": False}
    body["tools"] = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}]
    return body | ({"instructions": talk.system} if talk.system else {})


def _messages(talk: Talk) -> Json:
    def turns(step: Step) -> Iterator[Json]:
        match step:
            case User(says, shows):
                picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
                yield {"role": "user", "content": [{"type": "text", "text": says}, picture] if shows else says}
            case Model(thoughts, says, calls):
                blocks: list[Json] = [{"type": "thinking", "thinking": thoughts, "signature": ""}] if thoughts else []
                blocks += [{"type": "text", "text": says}] if says else []
                blocks += [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]
                yield {"role": "assistant", "content": blocks}
            case Tools(outcomes):
                yield {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": each.call.id, "content": each.said, "is_error": each.failed}
                        for each in outcomes
                    ],
                }

    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    return {"messages": _all(talk, turns), "tools": tools, "max_tokens": 99} | ({"system": talk.system} if talk.system else {})


def _ollama(talk: Talk) -> Json:
    def rows(step: Step) -> Iterator[Json]:
        match step:
            case User(says, shows):
                yield {"role": "user", "content": says} | ({"images": [PNG]} if shows else {})
            case Model(thoughts, says, calls):
                row: Json = {"role": "assistant", "content": says} | ({"thinking": thoughts} if thoughts else {})
                if calls:
                    row["tool_calls"] = [
                        named("id", call.id) | {"function": {"name": call.name, "arguments": call.arguments}} for call in calls
                    ]
                yield row
            case Tools(outcomes):
                for outcome in outcomes:
                    name = {} if talk.told_by == "place" else {"tool_name": outcome.call.name}
                    yield {"role": "tool", "content": outcome.said} | name | named("tool_call_id", outcome.call.id)

    def named(key: str, call_id: str) -> Json:
        return {key: call_id} if talk.told_by == "id" else {}

    system = [{"role": "system", "content": talk.system}] if talk.system else []
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
    return {"messages": [*system, *_all(talk, rows)], "tools": tools}


def _all(talk: Talk, written: Callable[[Step], Iterator[Json]]) -> list[Json]:
    return [row for step in talk.steps() for row in written(step)]


BODIES: dict[str, Callable[[Talk], Json]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
    "ollama.chat": _ollama,
}
"""How each client sends a conversation."""
