"""Answers that are too much for any reader, nested too deeply or with numbers beyond a double: that is what clients are told, and not that
they are no JSON, or were cut; and no number becomes another one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from proxy.canonical.events import ChatEvent, Failed
from proxy.dialects.registry import DIALECTS
from proxy.profiles import DIALECT_PROFILES, PROFILES
from proxy.routing import Route

_LEVELS = 100_000
DEEP = b'{"a":' * _LEVELS + b"1" + b"}" * _LEVELS
_CANDIDATE = b'{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"f","args":%b}}]},"finishReason":"STOP"}]}' % DEEP
_LINE = (
    b'{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":%b}}]},"done":true}' % DEEP
)
_USE = b'{"type":"tool_use","id":"a","name":"f","input":%b}' % DEEP
_MESSAGE = b'{"type":"message","role":"assistant","content":[%b],"stop_reason":"tool_use","usage":{}}' % _USE
_BLOCK = b'{"type":"content_block_start","index":0,"content_block":%b}' % _USE
_CHUNK = b'{"choices":[{"index":0,"delta":{"content":"a"},"x":%b}]}' % DEEP


def read(dialect: str, stream: bytes, whole: bytes) -> list[list[ChatEvent]]:
    egress = DIALECTS[dialect].egress
    assert egress is not None
    route = Route("up", "m", "m", PROFILES[DIALECT_PROFILES.get(dialect, "generic")])
    new_id: Callable[[], str] = map(str, count()).__next__
    reader = egress.stream_reader(route, new_id)
    return [reader.feed(stream) + reader.close(), egress.read_completion(whole, route, new_id)]


@pytest.mark.parametrize("ending", [b"\n\n", b""])
@pytest.mark.parametrize(
    ("dialect", "begin", "record", "whole"),
    [
        ("gemini", b"data: ", _CANDIDATE, _CANDIDATE),
        ("ollama", b"", _LINE, _LINE),
        ("anthropic", b"data: ", _BLOCK, _MESSAGE),
        ("openai", b"data: ", _CHUNK, _CHUNK),
    ],
)
def test_what_is_nested_too_deeply_is_called_so(dialect: str, begin: bytes, record: bytes, whole: bytes, ending: bytes) -> None:
    for events in read(dialect, begin + record + ending, whole):
        assert isinstance(events[-1], Failed)
        assert "nested too deeply" in events[-1].error.message
        assert len(events[-1].error.message) < 200


@pytest.mark.parametrize("ending", [b"\n\n", b""])
@pytest.mark.parametrize("arguments", [b'{"z":1E400}', b'{"z":-1e999,"id":12345678901234567890123}'], ids=["alone", "beside a long one"])
@pytest.mark.parametrize(
    ("dialect", "begin", "record", "whole"),
    [("gemini", b"data: ", _CANDIDATE, _CANDIDATE), ("ollama", b"", _LINE, _LINE), ("anthropic", b"data: ", _BLOCK, _MESSAGE)],
)
def test_a_number_that_is_too_large_is_called_so(
    dialect: str, begin: bytes, record: bytes, whole: bytes, ending: bytes, arguments: bytes
) -> None:
    for events in read(dialect, begin + record.replace(DEEP, arguments) + ending, whole.replace(DEEP, arguments)):
        assert isinstance(events[-1], Failed)
        assert "a number too large to be read" in events[-1].error.message
