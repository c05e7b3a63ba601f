"""What must hold for every reader of answers: the same laws, held against the recordings of each kind of server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent
from proxy.canonical.fold import collect
from proxy.errors import UpstreamBroken

SCENARIOS = sorted(["text", "tool_call", "two_tool_calls", "tool_result", "reasoning", "image", "length", "refused", "cut"])
WHOLE_SCENARIOS = [name for name in SCENARIOS if name != "cut"]

Read = Callable[..., list[ChatEvent]]
"""What a reader makes of chunks of bytes."""


def pieces_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [piece for begin, end in zip([0, *at], [*at, len(stream)], strict=True) if (piece := stream[begin:end])]


def bytes_of(stream: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in stream]


def comparable(events: Sequence[ChatEvent]) -> list[str]:
    return [str(event) for event in events]


def stream_of(recordings: Path, scenario: str) -> bytes:
    return (recordings / scenario / "stream.txt").read_bytes()


def judge_recordings(recordings: Path) -> None:
    """All scenarios are there, with all that belongs to them."""
    assert sorted(path.name for path in recordings.iterdir()) == SCENARIOS
    for scenario in SCENARIOS:
        files = sorted(path.name for path in (recordings / scenario).iterdir())
        assert files == ["origin.md", "request.json", "response.json", "stream.txt"]


def judge_pieces(read: Read, pieces: Sequence[bytes], stream: bytes) -> None:
    """The cuts between chunks mean nothing."""
    assert comparable(read(*pieces)) == comparable(read(stream))


def judge_agreement(completion: object, *others: object) -> None:
    """A whole answer has words and counts, and is the same however it was read."""
    assert [other == completion for other in others] == [True] * len(others)
    assert isinstance(completion, Completion)
    assert completion.parts
    assert completion.usage.prompt_tokens


def judge_cuts_before(read: Read, stream: bytes, reason: bytes) -> None:
    """A stream that is cut before it says why it ends has failed."""
    for at in range(1, stream.index(reason), 97):
        with pytest.raises(UpstreamBroken):
            collect(read(stream[:at]))
