from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import Failed, Finished, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.request import ChatRequest, Message, PromptRequest, ReasoningPart, TextPart, Tool, ToolCallPart
from proxy.errors import UpstreamBroken
from proxy.gateway.keepsakes import ENTRY_BYTES, KEPT_FOR_S, Keepsakes, MemoryShelf, Shelf
from proxy.profiles import PROFILES
from proxy.routing import Destination, Route, Rule

TOOLS = (Tool("look"),)
ASKED = ChatRequest("m", (Message("user", (TextPart("hi"),)),), tools=TOOLS)
BRINGS_BACK = Route("it", "m", "m", PROFILES["anthropic"])
ANSWER = [ReasoningPart("hm", "c2ln", "anthropic"), ToolCallPart("toolu_0123456789", "look", "{}")]


def destination(profile: str) -> Destination:
    """A place at an upstream that is called by what kind it is of."""
    return Destination(profile, "m", None, Rule.LISTED, "")


CHAIN = [destination("openai"), destination("anthropic")]


def kept_in(shelf: Shelf) -> Keepsakes:
    return Keepsakes(shelf, lambda destination: PROFILES[destination.upstream])


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_what_was_put_first_goes_first() -> None:
    shelf = MemoryShelf(Clock(), most_bytes=2 * (ENTRY_BYTES + 6))
    shelf.put("a", b"12345")
    shelf.put("b", b"12345")
    shelf.put("c", b"1")
    assert shelf.find([["a"], ["b"], ["c"], ["d"]]) == [None, b"12345", b"1", None]


def test_the_first_key_that_something_lies_by_finds_it() -> None:
    shelf = MemoryShelf(Clock())
    shelf.put("a", b"1")
    shelf.put("b", b"2")
    assert shelf.find([["b", "a"], ["c", "a"], ["c", "d"]]) == [b"2", b"1", None]


def test_what_is_put_again_counts_once() -> None:
    shelf = MemoryShelf(Clock(), most_bytes=2 * (ENTRY_BYTES + 6))
    for _ in range(5):
        shelf.put("a", b"12345")
    shelf.put("b", b"12345")
    assert shelf.find([["a"], ["b"]]) == [b"12345", b"12345"]


def test_what_is_larger_than_the_shelf_is_not_kept() -> None:
    shelf = MemoryShelf(Clock(), most_bytes=ENTRY_BYTES + 5)
    shelf.put("a", b"12345")
    assert shelf.find([["a"]]) == [None]


def test_it_is_kept_for_a_while_only() -> None:
    clock = Clock()
    shelf = MemoryShelf(clock)
    shelf.put("a", b"1")
    clock.now_s = KEPT_FOR_S - 1
    assert shelf.find([["a"]]) == [b"1"]
    clock.now_s = KEPT_FOR_S
    assert shelf.find([["a"]]) == [None]


def test_what_is_kept_no_longer_takes_no_place() -> None:
    clock = Clock()
    shelf = MemoryShelf(clock, most_bytes=3 * (ENTRY_BYTES + 6))
    shelf.put("a", b"12345")
    clock.now_s = 1
    shelf.put("b", b"12345")
    clock.now_s = KEPT_FOR_S
    shelf.put("c", b"12345")
    assert shelf.taken_bytes == 2 * (ENTRY_BYTES + 6)


_FILL = """
import hashlib, sys
from proxy.canonical.keepsakes import Keeping
from proxy.canonical.request import ChatRequest, ReasoningPart, ToolCallPart
from proxy.gateway.keepsakes import MemoryShelf

def resident_bytes():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096

keeping = Keeping(ChatRequest("m", ()))
shelf = MemoryShelf(lambda: 0.0, most_bytes=8 * 1024 * 1024)
thought = ReasoningPart("x" * int(sys.argv[1]), "c2ln", "gemini")
before = resident_bytes()
for number in range(30_000):
    keeping.take(thought, 0)
    ((_, value),) = keeping.take(ToolCallPart("c", "f", "{}"), 0)
    shelf.put(hashlib.sha256(b"%d" % number).hexdigest(), value)
print(shelf.taken_bytes, resident_bytes() - before)
"""


@pytest.mark.parametrize("letters", [25, 600])
def test_the_shelf_takes_the_memory_that_it_says(letters: int) -> None:
    told = subprocess.run([sys.executable, "-c", _FILL, str(letters)], capture_output=True, text=True, check=True, timeout=60)
    counted, resident = map(int, told.stdout.split())
    assert 7 * 1024 * 1024 < counted <= 8 * 1024 * 1024
    assert resident < 1.5 * counted


def test_a_call_of_a_stream_is_kept_when_it_is_complete() -> None:
    keepsakes = kept_in(MemoryShelf(Clock()))
    watch = keepsakes.watch(ASKED, CHAIN)
    assert watch is not None
    watch.note([Started("1"), PartOpened("reasoning"), PartDelta("h")])
    watch.note([PartDelta("m"), PartClosed("c2ln", "anthropic"), UsageSeen(Usage()), PartOpened("text"), PartDelta("so"), PartClosed()])
    watch.note([PartOpened("tool_call", "toolu_0123456789", "look"), PartDelta("{}"), PartClosed("b3du", "anthropic"), Finished("stop")])
    echoed = ToolCallPart("toolu_0123456789", "look", "{}")
    again = keepsakes.restored(followed_by(echoed), BRINGS_BACK)
    assert isinstance(again, ChatRequest)
    thought, call = again.messages[-1].parts
    assert (thought.text, thought.opaque, call.opaque) == ("hm", "c2ln", "b3du")  # type: ignore[union-attr]


def test_a_call_that_broke_off_is_not_kept() -> None:
    keepsakes = kept_in(MemoryShelf(Clock()))
    watch = keepsakes.watch(ASKED, CHAIN)
    assert watch is not None
    watch.note([Started("1"), PartOpened("reasoning"), PartDelta("hm"), PartClosed("c2ln", "anthropic")])
    watch.note([PartOpened("tool_call", "toolu_0123456789", "look"), PartDelta("{}"), Failed(UpstreamBroken("gone"))])
    request = followed_by(ToolCallPart("toolu_0123456789", "look", "{}"))
    assert keepsakes.restored(request, BRINGS_BACK) is request


def test_answers_without_tools_are_not_watched() -> None:
    keepsakes = kept_in(MemoryShelf(Clock()))
    assert keepsakes.watch(ChatRequest("m", ()), CHAIN) is None
    prompt = PromptRequest("m", "hi")
    assert keepsakes.watch(prompt, CHAIN) is None
    assert keepsakes.restored(prompt, BRINGS_BACK) is prompt


def test_a_whole_answer_is_kept_like_a_stream() -> None:
    keepsakes = kept_in(MemoryShelf(Clock()))
    keepsakes.keep(ASKED, CHAIN, ANSWER)
    again = keepsakes.restored(followed_by(ToolCallPart("made up", "look", "{}")), BRINGS_BACK)
    assert isinstance(again, ChatRequest)
    assert again.messages[-1].parts[0] == ReasoningPart("hm", "c2ln", "anthropic")


@pytest.mark.parametrize(
    ("upstreams", "expected"),
    [
        (["openai"], False),
        (["openai", "claude-3"], False),
        (["openai", "gemini"], True),
        (["vllm"], True),
        (["generic"], True),  # it may say by a refusal that it wants thoughts back, and then those before count
    ],
)
def test_what_nobody_wants_back_is_not_kept(upstreams: list[str], expected: bool) -> None:
    shelf, chain = MemoryShelf(Clock()), list(map(destination, upstreams))
    keepsakes = kept_in(shelf)
    assert (keepsakes.watch(ASKED, chain) is not None) == expected
    keepsakes.keep(ASKED, chain, ANSWER)
    assert shelf.is_empty != expected


class Untouched:
    """A shelf that nobody may ask."""

    def __init__(self, *, is_empty: bool) -> None:
        self.is_empty = is_empty

    def put(self, key: str, value: bytes) -> None:
        raise AssertionError(key)

    def find(self, wanted: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        raise AssertionError(wanted)


def test_nothing_is_looked_for_where_the_upstream_has_no_place_for_it() -> None:
    request = followed_by(ToolCallPart("toolu_0123456789", "look", "{}"))
    keepsakes = kept_in(Untouched(is_empty=False))
    assert keepsakes.restored(request, Route("it", "m", "m", PROFILES["generic"])) is request


def test_nothing_is_looked_for_where_nothing_was_kept() -> None:
    request = followed_by(ToolCallPart("toolu_0123456789", "look", "{}"))
    assert kept_in(Untouched(is_empty=True)).restored(request, BRINGS_BACK) is request
    assert MemoryShelf(Clock()).is_empty


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("generic", False), ("openai", False), ("vllm", True), ("google", True), ("deepseek", True), ("ollama-native", True)),
        *(("anthropic", True), ("claude-3", False), ("gemini", True), ("gemini-2.5", True), ("gemini-2.0", False)),
    ],
)
def test_who_wants_something_back(name: str, expected: bool) -> None:
    assert PROFILES[name].wants_back is expected


def followed_by(call: ToolCallPart) -> ChatRequest:
    """The next request of the conversation, in which the call comes back."""
    return replace(ASKED, messages=(*ASKED.messages, Message("assistant", (call,))))
