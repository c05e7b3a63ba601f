"""Which dialect a server speaks, when it is not the configured one: its list of models betrays it. No model has to work for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson

from proxy.cli.base_url import corrections, read_whole
from proxy.errors import ProxyError
from proxy.gateway import Upstream, models_call
from proxy.upstream_reading import trimmed_base_url

Entry = Mapping[str, Any]


class Spoken(NamedTuple):
    """A dialect, and the base URL at which a server speaks it."""

    dialect: str
    base_url: str


# What an entry of each dialect's list has, and those of the others have not. OpenAI's, of which many speak something like it, comes last.
# llama.cpp lists its model at Ollama's URL, too, but with no digest.
_BETRAYED_BY: Final[Mapping[str, Callable[[Entry], bool]]] = {
    "gemini": lambda entry: str(entry.get("name")).startswith("models/"),
    "ollama": lambda entry: bool(entry.get("digest")),
    "anthropic": lambda entry: entry.get("type") == "model" and "object" not in entry,
    "openai": lambda entry: "id" in entry and (entry.get("type") != "model" or "object" in entry),
}


def spoken_instead(configured: Spoken, upstream_at: Callable[[Spoken], Upstream], patience_s: float) -> Spoken | None:
    """Another dialect that lists models at the address; `None` when none does.

    Args:
        configured: what the operator says.
        upstream_at: the upstream, if it spoke that dialect there.
    """
    others = (dialect for dialect in _BETRAYED_BY if dialect != configured.dialect)
    tried = (Spoken(dialect, url) for dialect in others for url in _likely_urls(dialect, configured.base_url))
    return next((spoken for spoken in tried if _is_spoken(spoken.dialect, upstream_at(spoken), patience_s)), None)


def _is_spoken(dialect: str, upstream: Upstream, patience_s: float) -> bool:
    try:
        reply = upstream.client.send(models_call(upstream.egress, patience_s))
        entries = _entries(orjson.loads(read_whole(reply, patience_s)))
    except (ProxyError, orjson.JSONDecodeError):
        return False
    return any(_BETRAYED_BY[dialect](entry) for entry in entries)


def _entries(listed: Any) -> Iterator[Entry]:
    models = (listed.get("data") or listed.get("models")) if isinstance(listed, dict) else listed
    return (entry for entry in models if isinstance(entry, dict)) if isinstance(models, list) else iter(())


def _likely_urls(dialect: str, base_url: str) -> Iterator[str]:
    """Where the dialect would be spoken: at the address itself and at the root of its server, or wherever OpenAI's is looked for.

    A URL with a query says where it leads, and may hold a key.
    """
    if urlsplit(base_url).query:
        return
    as_written = trimmed_base_url(dialect, base_url)
    if dialect == "openai":
        yield from (*corrections(base_url), as_written)
    else:
        root = urlunsplit(urlsplit(base_url)._replace(path=""))
        yield from dict.fromkeys((as_written, root))
