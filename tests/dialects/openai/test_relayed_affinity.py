"""The affinity keys of payloads that nobody has checked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical import affinity
from proxy.canonical.request import AudioPart, ChatRequest, ImagePart, Message, PromptRequest, RefusalPart, TextPart
from proxy.dialects.openai.affinity import affinity_key

SYSTEM, ASKED = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}
PICTURE = "iVBORw0KGgo" * 300


def a_payload(*messages: Any) -> dict[str, Any]:
    return {"model": "an alias", "messages": list(messages)}


def test_a_relayed_conversation_has_the_key_that_it_has_in_another_dialect() -> None:
    parts = (
        TextPart("What is it?"),
        ImagePart("image/png", PICTURE),
        ImagePart(url="https://x.test/a"),
        AudioPart("wav", "UklGRg"),
        RefusalPart("No."),
    )
    canonical = ChatRequest("m", (Message("system", (TextPart("Be brief."),)), Message("user", parts)))
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
        {"type": "image_url", "image_url": "https://x.test/a"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg", "format": "wav"}},
        {"type": "refusal", "refusal": "No."},
    ]
    relayed = a_payload(SYSTEM, {"role": "user", "content": content}, {"role": "assistant", "content": "A cat."})
    assert affinity_key(relayed, "m") == affinity.affinity_key(canonical, "m")


def test_a_relayed_prompt_has_the_key_that_it_has_in_another_dialect() -> None:
    assert affinity_key({"prompt": "def f():"}, "m") == affinity.affinity_key(PromptRequest("m", "def f():"), "m")


def test_other_conversations_have_other_keys() -> None:
    keys = {
        affinity_key(a_payload(SYSTEM, ASKED), "m"),
        affinity_key(a_payload(SYSTEM, ASKED), "n"),
        affinity_key(a_payload(ASKED), "m"),
        affinity_key(a_payload(SYSTEM, {"role": "user", "content": [{"type": "text", "text": "Who?"}]}), "m"),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    "payload", [{}, {"input": ["a"]}, {"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"messages": "hello"}, {"messages": None}]
)
def test_what_continues_nothing_has_no_key(payload: dict[str, Any]) -> None:
    assert affinity_key(payload, "m") == affinity.NO_KEY


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "text", "image_url", "url", "input_audio", "data"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(messages=ANYTHING, prompt=ANYTHING)
def test_whatever_a_client_sends_does_no_harm(messages: object, prompt: object) -> None:
    assert isinstance(affinity_key({"messages": messages, "prompt": prompt}, "m"), bytes)
