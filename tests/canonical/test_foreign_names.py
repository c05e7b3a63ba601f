"""Names of tools that an upstream finds too long, or cannot read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import PartClosed, PartDelta, PartOpened
from proxy.canonical.foreign_names import NameRule, OwnNames, legal_name, own_names, with_legal_names
from proxy.canonical.request import ChatRequest, Message, TextPart, Tool, ToolCallPart, ToolResultPart

LONG = "mcp__a_server_with_a_name__" + "a" * 63
OTHER = LONG[:-1] + "b"
SHORT = NameRule(64)
PLAIN = NameRule(64, plain=True)


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
    assert with_legal_names(request, SHORT) is request
    assert own_names(request, SHORT) == {}


def test_a_long_name_is_the_same_short_one_everywhere() -> None:
    short = with_legal_names(a_request(LONG, "f"), SHORT)
    (name, other) = (tool.name for tool in short.tools)
    assert (len(name), other) == (64, "f")
    assert short == a_request(name, "f")


def test_names_that_begin_alike_stay_apart() -> None:
    assert len({legal_name(name, SHORT) for name in (LONG, OTHER, LONG + "c")}) == 3


def test_calls_come_back_under_the_clients_names() -> None:
    names = own_names(a_request(LONG, OTHER, "f"), SHORT)
    events = [
        PartOpened("tool_call", "call_1", legal_name(OTHER, SHORT)),
        PartDelta("{}"),
        PartClosed(),
        PartOpened("tool_call", "call_2", "f"),
    ]
    assert OwnNames(names).feed(events) == [PartOpened("tool_call", "call_1", OTHER), *events[1:]]


@pytest.mark.parametrize("name", ["mcp.server/x", "\u65e5\u672c", "a b", "x" * 63 + ".."])
def test_foreign_letters_are_spelled_plainly_where_nothing_else_is_read(name: str) -> None:
    plain = legal_name(name, PLAIN)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", plain)
    assert with_legal_names(a_request(name, "f"), PLAIN) == a_request(plain, "f")
    assert own_names(a_request(name, "f"), PLAIN) == {plain: name}
    assert with_legal_names(a_request("mcp.server/x"), SHORT) == a_request("mcp.server/x")


def test_names_that_differ_in_foreign_letters_alone_stay_apart() -> None:
    assert len({legal_name(name, PLAIN) for name in ("a.b", "a/b", "a_b", "a\u672cb")}) == 4


def test_a_name_of_any_length_is_spelled_plainly() -> None:
    assert len(legal_name("." * 200, NameRule(None, plain=True))) == 209
    assert NameRule(None).allows("." * 200)


@given(st.text(min_size=1, max_size=200), st.integers(10, 128), st.booleans())
def test_what_is_legal_stays_legal(name: str, most_chars: int, plain: bool) -> None:
    rule = NameRule(most_chars, plain)
    legal = legal_name(name, rule)
    assert rule.allows(legal)
    assert legal_name(legal, rule) == legal
