"""What is asked and answered in every pair of dialects, in the words of none of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"  # one pixel
SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
REFUSAL = "the weather is out of bounds"
TROUBLE = "the model fell over"


@dataclass(frozen=True)
class Call:
    """One call of a function."""

    id: str
    name: str
    arguments: Mapping[str, Any]

    @property
    def written(self) -> str:
        return json.dumps(self.arguments)


PARIS = Call("call_parisparis01", "get_weather", {"city": "Paris"})
OSLO = Call("call_oslooslooslo", "get_weather", {"city": "Oslo"})


@dataclass(frozen=True)
class Scene:
    """One exchange.

    Attributes:
        matched: the stop sequence that ended the answer.
        earlier: calls that the model made before, each of which was answered by "sunny in <city>".
        end: how the answer ends: by itself; as a refusal in place of an answer; by an error record; by a connection that is cut; by a
            connection that ends legally though the answer does not.
        broken: what an answer that breaks off does so in the midst of; the call is its last one. One that ends by itself in the midst of a
            call, or before its arguments, was ended by a limit or a filter, and the call is none.
        beside: what OpenAI-style servers send with a call that ends before its arguments.
    """

    name: str
    system: str = ""
    says: str = "hi"
    shows: str = ""
    tools: bool = False
    earlier: tuple[Call, ...] = ()
    thinks: bool = False
    thoughts: str = ""
    text: str = "Hello, 世界"
    calls: tuple[Call, ...] = ()
    finish: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    end: Literal["", "refused", "told", "cut", "quiet"] = ""
    broken: Literal["text", "thoughts", "call", "arguments", "between calls"] = "text"
    beside: Literal["signature", "details"] = "signature"
    matched: str = ""
    prompt_tokens: int = 9
    completion_tokens: int = 7

    @property
    def whole_calls(self) -> tuple[Call, ...]:
        """The calls that the model has come to the end of, where the answer ends by itself."""
        return self.calls[:-1] if self.broken in ("call", "arguments") and not self.end else self.calls

    @property
    def half(self) -> str:
        """What is said of the text before it breaks off."""
        return {"text": self.text[: len(self.text) // 2], "thoughts": ""}.get(self.broken, self.text)


def result_of(call: Call) -> str:
    """What the function said."""
    return f"sunny in {call.arguments['city']}"


SCENES = (
    Scene("text", system="be brief"),
    Scene("tool_call", tools=True, text="", calls=(PARIS,), finish="tool_calls"),
    Scene("two_tool_calls", tools=True, text="Let me see.", calls=(PARIS, OSLO), finish="tool_calls"),
    Scene("tool_result", tools=True, earlier=(PARIS,), text="Sunny."),
    Scene("two_tool_results", tools=True, earlier=(PARIS, OSLO), text="Sunny."),
    Scene("reasoning", thinks=True, thoughts="Let me think.", text="42"),
    Scene("reasoning_and_call", thinks=True, tools=True, thoughts="I need a tool.", text="", calls=(PARIS,), finish="tool_calls"),
    Scene("image", shows=PNG, text="One pixel."),
    Scene("length", text="And so on and", finish="length"),
    Scene("limited_in_call", tools=True, text="Let me see.", calls=(PARIS,), finish="length", broken="call"),
    Scene("limited_before_arguments", tools=True, text="Let me see.", calls=(PARIS,), finish="length", broken="arguments"),
    Scene("filtered", text="I will not", finish="content_filter"),
    Scene("filtered_in_call", tools=True, text="", calls=(PARIS,), finish="content_filter", broken="call"),
    Scene("filtered_in_second_call", tools=True, text="Let me see.", calls=(PARIS, OSLO), finish="content_filter", broken="call"),
    Scene(
        "filtered_before_arguments", tools=True, text="", calls=(PARIS, OSLO), finish="content_filter", broken="arguments", beside="details"
    ),
    Scene("refused", end="refused"),
    Scene("told", end="told"),
    Scene("cut", end="cut"),
    Scene("quiet", end="quiet"),
    Scene("told_in_call", tools=True, text="", calls=(PARIS,), end="told", broken="call"),
    Scene("cut_in_call", tools=True, text="Let me see.", calls=(PARIS,), end="cut", broken="call"),
    Scene("quiet_in_call", tools=True, text="Let me see.", calls=(PARIS, OSLO), end="quiet", broken="call"),
    Scene("cut_between_calls", tools=True, text="Let me see.", calls=(PARIS, OSLO), end="cut", broken="between calls"),
    Scene("quiet_between_calls", tools=True, text="", calls=(PARIS, OSLO), end="quiet", broken="between calls"),
    Scene("cut_in_thoughts", thinks=True, thoughts="Let me think.", text="42", end="cut", broken="thoughts"),
)
BY_NAME = {scene.name: scene for scene in SCENES}
