"""What is cut off answers: stop sequences and calls of which the upstream could not be told."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartOpened
from proxy.canonical.request import ChatRequest, Message, PromptRequest, Sampling, TextPart, Tool
from proxy.gateway.cutting import cutter_of, told
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route
from tests.canonical.streams import a_stream, a_text, texts_of

PLAIN = PROFILES["ollama-native"]
CALLS = [event for name in "fg" for event in (PartOpened("tool_call", name, name), PartDelta("{}"), PartClosed())]
STREAM = a_stream(CALLS, a_text("one two"), end=Finished("tool_calls", "stop"))


def cut(profile: Profile, **asked: Any) -> list[tuple[str, str]]:
    """The parts that are left of an answer with two calls and a text."""
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)),), **asked)
    cutter = cutter_of(request, Route("u", "m", "m", profile))
    return texts_of(STREAM if cutter is None else cutter.feed(STREAM))


BOTH, TEXT = [("tool_call", "{}")] * 2, ("text", "one two")
FEW_STOPS = replace(PLAIN, stop_limit=0)


@pytest.mark.parametrize(
    ("profile", "asked", "left"),
    [
        (PLAIN, {}, [*BOTH, TEXT]),
        (PLAIN, {"parallel_tool_calls": True}, [*BOTH, TEXT]),
        (PLAIN, {"parallel_tool_calls": False}, [*BOTH[:1], TEXT]),
        (PROFILES["openai"], {"parallel_tool_calls": False}, [*BOTH, TEXT]),
        (replace(PROFILES["openai"], dropped=frozenset({"parallel_tool_calls"})), {"parallel_tool_calls": False}, [*BOTH[:1], TEXT]),
        (PLAIN, {"sampling": Sampling(stop=(" t",))}, [*BOTH, TEXT]),
        (FEW_STOPS, {"sampling": Sampling(stop=(" t",))}, [*BOTH, ("text", "one")]),
        (PROFILES["anthropic"], {"sampling": Sampling(stop=("two", " "))}, [*BOTH, ("text", "one")]),
        (PROFILES["anthropic"], {"sampling": Sampling(stop=("two",))}, [*BOTH, TEXT]),
        (FEW_STOPS, {"sampling": Sampling(stop=(" t",)), "parallel_tool_calls": False}, [*BOTH[:1], ("text", "one")]),
    ],
)
def test_what_the_upstream_could_not_be_told_is_cut_off(profile: Profile, asked: dict[str, Any], left: list[tuple[str, str]]) -> None:
    assert cut(profile, **asked) == left


def test_a_name_that_is_too_long_is_the_clients_own_in_the_answer() -> None:
    name = "n" * 90
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)),), tools=(Tool(name),), parallel_tool_calls=False)
    route = Route("u", "m", "m", PROFILES["generic"])
    asked = told(request, route)
    assert isinstance(asked, ChatRequest)
    (short,) = (tool.name for tool in asked.tools)
    assert len(short) == 64
    cutter = cutter_of(request, route)
    assert cutter is not None
    calls: list[ChatEvent] = [PartOpened("tool_call", "a", short), PartClosed(), PartOpened("tool_call", "b", short), PartClosed()]
    assert cutter.feed(calls) == [PartOpened("tool_call", "a", name), PartClosed()]
    assert told(request, Route("u", "m", "m", PLAIN)) is request


@pytest.mark.parametrize("profile", ["openai", "openai-reasoning", "azure", "azure-reasoning"])
def test_a_name_that_openai_cannot_read_is_the_clients_own_in_the_answer(profile: str) -> None:
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)),), tools=(Tool("mcp.server/x"), Tool("f")))
    asked = told(request, Route("u", "m", "m", PROFILES[profile]))
    assert isinstance(asked, ChatRequest)
    plain, other = (tool.name for tool in asked.tools)
    assert (re.sub("[a-f0-9]{8}$", "", plain), other) == ("mcp_server_x_", "f")
    cutter = cutter_of(request, Route("u", "m", "m", PROFILES[profile]))
    assert cutter is not None
    assert cutter.feed([PartOpened("tool_call", "a", plain)]) == [PartOpened("tool_call", "a", "mcp.server/x")]
    assert told(request, Route("u", "m", "m", PROFILES["vllm"])) is request


@pytest.mark.parametrize(
    ("profile", "left"),
    [
        (PROFILES["generic"], " two"),
        (PROFILES["gemini"], " two"),
        (PROFILES["mistral"], " two"),
        (replace(PROFILES["vllm"], prefill=""), " two"),
        (PROFILES["vllm"], "one two"),
        (PROFILES["llamacpp"], "one two"),
        (PROFILES["claude-4.5"], "one two"),
        (PROFILES["claude-5"], "one two"),
        (PROFILES["ollama"], "one two"),
        (PLAIN, "one two"),
    ],
)
def test_words_to_go_on_with_are_not_said_again_by_who_takes_them_for_history(profile: Profile, left: str) -> None:
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)), Message("assistant", (TextPart("one"),))))
    cutter = cutter_of(request, Route("u", "m", "m", profile))
    stream = a_stream(a_text("one two"))
    assert texts_of(stream if cutter is None else cutter.feed(stream)) == [("text", left)]


def test_a_plain_text_has_no_calls() -> None:
    assert cutter_of(PromptRequest("m", "x"), Route("u", "m", "m", PLAIN)) is None
