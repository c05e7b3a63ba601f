"""The pure machines of a pair, put together as the gateway does it: bytes of an upstream in, bytes for a client out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from proxy.canonical import grammar
from proxy.canonical.fold import collect
from proxy.dialect import TextEndpoint, TextRequest
from proxy.dialects.anthropic.ingress import MESSAGES
from proxy.dialects.ollama.ingress import CHAT as OLLAMA_CHAT
from proxy.dialects.openai.ingress import CHAT_TRANSLATED, RESPONSES_TRANSLATED
from proxy.dialects.registry import egress_of
from proxy.routing import Route, profile_of
from tests.pairs.upstreams import Egress

ENDPOINTS: dict[str, TextEndpoint] = {
    "openai.chat": CHAT_TRANSLATED,
    "openai.responses": RESPONSES_TRANSLATED,
    "anthropic.messages": MESSAGES,
    "ollama.chat": OLLAMA_CHAT,
}


class Stopwatch:
    """Stands still."""

    def time_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def elapsed_ns(self) -> int:
        return 1_000_000


def route_to(egress: Egress) -> Route:
    """How it is asked: Anthropic's as Claude, which takes no thoughts of others."""
    model = "claude-m" if egress.name == "anthropic" else "m"
    return Route("it", "m", "m", profile_of("http://127.0.0.1", "auto", None, model, egress.name))


def parsed(name: str, body: dict[str, Any], *, stream: bool) -> TextRequest:
    """What the client `name` wants that sends `body`."""
    return ENDPOINTS[name].parse({"model": "m", "stream": stream, **body})


def _ids() -> Iterator[str]:
    return (f"id{number:08}" for number in itertools.count())


def rendered(name: str, egress: Egress, chunks: Sequence[bytes], body: dict[str, Any], *, is_whole: bool = False) -> bytes:
    """What the client gets of a stream of these bytes.

    Args:
        is_whole: whether they are known to make a whole answer: then it is one for those who want no stream, too.
    """
    ids = _ids()
    reader = egress_of(egress.name).stream_reader(route_to(egress), lambda: next(ids))
    renderer = ENDPOINTS[name].stream_renderer(parsed(name, body, stream=True), Stopwatch())
    follower, out, events = grammar.Grammar(), b"", []
    for batch in [*(reader.feed(chunk) for chunk in chunks), reader.close()]:
        for event in batch:
            follower.step(event)
        events += batch
        if batch:
            out += renderer.render(batch)
    follower.end()
    if is_whole:
        collect(events)
    return out


def rendered_whole(name: str, egress: Egress, answer: bytes, body: dict[str, Any]) -> bytes:
    """What the client gets of this whole answer."""
    ids, endpoint = _ids(), ENDPOINTS[name]
    events = egress_of(egress.name).read_completion(answer, route_to(egress), lambda: next(ids))
    return endpoint.render_completion(collect(events), parsed(name, body, stream=False), Stopwatch())
