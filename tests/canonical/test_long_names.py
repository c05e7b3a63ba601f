"""Names of tools that an upstream finds too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import PartClosed, PartDelta, PartOpened
from proxy.canonical.long_names import OwnNames, own_names, short_name, with_short_names
from proxy.canonical.request import ChatRequest, Message, TextPart, Tool, ToolCallPart, ToolResultPart

LONG = "mcp__a_server_with_a_name__" + "a" * 63
OTHER = LONG[:-1] + "b"


def a_request(*names: str) -> ChatRequest:
    """A conversation in which the first of these was called."""
    return ChatRequest(
        "m",
        (
            Message("user", (TextPart("hi"),)),
            Message("assistant", (ToolCallPart("call_1", names[0], "{}"),)),
            Message("tool", (ToolResultPart("call_1", names[0], (TextPart("1"),)),)),
        ),
        tools=tuple(map(Tool, names)),
        tool_choice={"type": "function", "function": {"name": names[0]}},
    )


def test_names_that_fit_stay() -> None:
    request = a_request("f", "g" * 64)
    assert with_short_names(request, 64) is request
    assert own_names(request, 64) == {}


def test_a_long_name_is_the_same_short_one_everywhere() -> None:
    short = with_short_names(a_request(LONG, "f"), 64)
    (name, other) = (tool.name for tool in short.tools)
    assert (len(name), other) == (64, "f")
    assert short == a_request(name, "f")


def test_names_that_begin_alike_stay_apart() -> None:
    assert len({short_name(name, 64) for name in (LONG, OTHER, LONG + "c")}) == 3


def test_calls_come_back_under_the_clients_names() -> None:
    names = own_names(a_request(LONG, OTHER, "f"), 64)
    events = [
        PartOpened("tool_call", "call_1", short_name(OTHER, 64)),
        PartDelta("{}"),
        PartClosed(),
        PartOpened("tool_call", "call_2", "f"),
    ]
    assert OwnNames(names).feed(events) == [PartOpened("tool_call", "call_1", OTHER), *events[1:]]


@given(st.text(min_size=1, max_size=200), st.integers(10, 128))
def test_what_is_short_stays_short(name: str, most_chars: int) -> None:
    short = short_name(name, most_chars)
    assert len(short) <= most_chars
    assert short_name(short, most_chars) == short
