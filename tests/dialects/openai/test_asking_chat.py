"""How requests of OpenAI's clients are read that go to upstreams of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.canonical.request import Message, ResponseFormat, TextPart
from proxy.dialects.openai.asking.wishes import AskedChat
from proxy.dialects.openai.ingress import CHAT_TRANSLATED
from proxy.errors import InvalidRequest
from tests.dialects.openai.asked import F, asked


def test_nothing_is_made_up_that_the_client_did_not_say() -> None:
    assert asked() == AskedChat("m", (Message("user", (TextPart("hi"),)),))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, ResponseFormat("json")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
            ResponseFormat("json_schema", {"type": "object"}, "n", strict=True),
        ),
        ({"type": "json_schema", "json_schema": {"schema": {}}}, ResponseFormat("json_schema", {})),
    ],
)
def test_formats(given: Any, wanted: ResponseFormat | None) -> None:
    assert asked(response_format=given).response_format == wanted


def test_fields_that_mean_nothing_here_are_left_out() -> None:
    assert asked(foo=1, store=True, metadata={"a": "b"}, logit_bias={"1": 1}, verbosity=None, n=1) == asked()


def test_a_stream_may_want_counts() -> None:
    request = asked(stream=True, stream_options={"include_usage": True})
    assert (request.stream, request.wants_usage) == (True, True)
    assert not asked(stream=None, stream_options=None).stream


@pytest.mark.parametrize(
    ("capabilities", "payload", "param"),
    [
        (None, {"tools": [F]}, None),
        ({"completion"}, {}, None),
        ({"completion", "tools"}, {"tools": [F]}, None),
        ({"completion"}, {"reasoning_effort": "high"}, None),
        ({"completion"}, {"tools": [F]}, "tools"),
        ({"embedding"}, {}, "model"),
    ],
)
def test_models_that_are_known_to_lack_something_are_not_asked(capabilities: set[str] | None, payload: Any, param: str | None) -> None:
    card = ModelCard("m", capabilities=None if capabilities is None else frozenset(capabilities))
    CHAT_TRANSLATED.admit(asked(**payload), None)
    if param is None:
        CHAT_TRANSLATED.admit(asked(**payload), card)
        return
    with pytest.raises(InvalidRequest) as caught:
        CHAT_TRANSLATED.admit(asked(**payload), card)
    assert caught.value.param == param
