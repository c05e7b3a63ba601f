"""A turn of the model that was read from Gemini is, when it goes back, the turn that Gemini made."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.fold import collect
from proxy.canonical.request import Message, ReasoningPart, TextPart, ToolCallPart
from proxy.dialects.gemini.contents import contents_json
from proxy.profiles import PROFILES
from proxy.wire.exact_json import dumps_exact
from tests.dialects.gemini.records import RECORDINGS, read_whole, record

WORDS = st.sampled_from(["a", "b\n", "😀", " "])
SIGNATURES = st.sampled_from(["UzE=", "UzI="])
ARGUMENTS = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(-9, 2**70) | WORDS | st.none(), max_size=2)
NAMES = st.sampled_from(["f", "7zip", "-f", "esc.f"])
SIGNED = st.one_of(
    st.builds(lambda text, opaque: ReasoningPart(text, opaque, "gemini"), WORDS, SIGNATURES),
    st.builds(lambda opaque: ReasoningPart("", opaque, "gemini", redacted=True), SIGNATURES),
)
CALLS = st.builds(
    lambda name, arguments, opaque: ToolCallPart("", name, arguments, opaque, "gemini" if opaque else ""),
    NAMES,
    ARGUMENTS.map(lambda arguments: dumps_exact(arguments).decode()),
    SIGNATURES | st.just(""),
)
TURNS = st.lists(st.builds(TextPart, WORDS) | SIGNED | CALLS, min_size=1, max_size=6)


def begins_signed(parts: list[Any]) -> bool:
    """Whether a signature stands alone before all words: Gemini signs what it has said."""
    return any(
        isinstance(part, ReasoningPart) and not part.text
        for part in takewhile(lambda part: not isinstance(part, TextPart | ToolCallPart), parts)
    )


def told(parts: list[Any]) -> list[Any]:
    """The turn as it can be told: its calls with ids, and texts that follow each other as one."""
    whole: list[Any] = []
    for place, part in enumerate(parts):
        if isinstance(part, ToolCallPart):
            whole.append(ToolCallPart(f"call_{place:05}", part.name, part.arguments, part.opaque, part.origin))
        elif isinstance(part, TextPart) and whole and isinstance(whole[-1], TextPart):
            whole[-1] = TextPart(whole[-1].text + part.text)
        else:
            whole.append(part)
    return whole


def sent_back(parts: Any) -> list[dict[str, Any]]:
    """What Gemini gets of the model's turn; an answer to its calls is no matter here."""
    _, contents = contents_json((Message("user", (TextPart("go"),)), Message("assistant", tuple(parts))), PROFILES["gemini-2.5"])
    turn: list[dict[str, Any]] = contents[1]["parts"]
    return turn


@given(TURNS.filter(lambda parts: not begins_signed(parts)))
def test_what_goes_back_is_read_as_what_came(parts: list[Any]) -> None:
    turn = told(parts)
    answer = record(*sent_back(turn), finish="STOP")
    assert list(collect(read_whole(dumps_exact(answer))).parts) == turn


@pytest.mark.parametrize("scenario", ["text", "tool_call", "two_tool_calls", "reasoning"])
def test_what_came_goes_back_as_it_was(scenario: str) -> None:
    body = (RECORDINGS / scenario / "response.json").read_bytes()
    given_parts = orjson.loads(body)["candidates"][0]["content"]["parts"]
    back = sent_back(collect(read_whole(body)).parts)
    for part in (*given_parts, *back):
        part.get("functionCall", {}).pop("id", None)  # Short ids become longer ones.
    assert back == [part for part in given_parts if not part.get("thought")]
