"""Whether a base URL leads to the API, and which one would when it does not. Asks, but never lets a model work."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.errors import ProxyError, UpstreamBroken, UpstreamError, UpstreamRefused
from proxy.gateway import Upstream, all_models
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import UpstreamCall

_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/models", "/responses", "/messages", "/api/chat", "/api")
# What stands in front of an API says in words of its own that nobody is let in, or that it is too much.
_SAID_BY_GUARDS = {401, 429}


class NoAnswer(Exception):
    """The server said nothing that is HTTP."""


def list_models(upstream: Upstream, patience_s: float) -> list[ModelCard]:
    """What the server lists.

    Raises:
        NoAnswer: there was none, not even an error.
        UpstreamError: the answer is an error, or no list.
    """

    def ask(call: UpstreamCall) -> bytes:
        try:
            reply = upstream.client.send(call)
        except UpstreamRefused:
            raise
        except UpstreamError as error:
            raise NoAnswer from error
        return read_whole(reply, patience_s)

    return all_models(upstream.egress, ask, patience_s)


def is_an_api(upstream: Upstream, patience_s: float) -> bool:
    """Whether models are listed here, or a key is asked for, or chats are taken."""
    try:
        list_models(upstream, patience_s)
    except NoAnswer:
        return False
    except ProxyError as error:
        return is_refused_key(error) or (is_foreign(error) and takes_chats(upstream, patience_s))
    return True


def takes_chats(upstream: Upstream, patience_s: float) -> bool:
    """Whether something reads OpenAI's chats here: it says in JSON what is wrong with an empty one. No model has to work for that.

    Upstreams of other dialects all have a list of models: there is nothing to find out in this way.
    """
    if upstream.egress.name != "openai":
        return False
    try:
        reply = upstream.client.send(UpstreamCall("/chat/completions", b"{}", first_byte_s=patience_s))
        answer = orjson.loads(read_whole(reply))
        return isinstance(answer, dict) and not answer.keys().isdisjoint({"choices", "error"})
    except UpstreamRefused as refusal:
        return not is_foreign(refusal) and (isinstance(refusal.raw, dict) or refusal.upstream_status in _SAID_BY_GUARDS)
    except (UpstreamError, orjson.JSONDecodeError):
        return False


def is_refused_key(trouble: ProxyError | None) -> bool:
    """Whether the server is there, but wants another key."""
    return isinstance(trouble, UpstreamRefused) and trouble.upstream_status in {401, 403}


def is_foreign(trouble: ProxyError | None) -> bool:
    """Whether something else than the API answered: nothing is at the URL, or the way elsewhere, or a page for people."""
    if not isinstance(trouble, UpstreamRefused):
        return isinstance(trouble, UpstreamBroken)
    status = trouble.upstream_status
    if status in {404, 405} or 300 <= status < 400:
        return trouble.code != "model_not_found"
    return not isinstance(trouble.raw, dict) and (400 <= status < 500 or status == 501) and status not in _SAID_BY_GUARDS


def corrections(base_url: str) -> Iterator[str]:
    """The base URLs that may have been meant, the likeliest first. There are none for a URL with a query, which says where it leads."""
    url = urlsplit(base_url)
    if url.query:
        return
    path = url.path.rstrip("/")
    up_to_version, version, _ = path.rpartition("/v1/")
    cut = next((path.removesuffix(endpoint) for endpoint in _ENDPOINTS if path.endswith(endpoint)), path)
    paths = [f"{up_to_version}/v1"] if version else []
    paths += [cut] if cut.endswith("/v1") else [cut, f"{cut}/v1"] if cut else ["/v1", ""]
    yield from (urlunsplit(url._replace(path=meant)) for meant in dict.fromkeys([*paths, "/v1"]) if meant != path)


def read_whole(reply: UpstreamReply, within_s: float | None = None) -> bytes:
    """The body of a reply, which is then closed. Raises `UpstreamError`."""
    try:
        return reply.read(_MAX_ANSWER_BYTES, within_s)
    finally:
        reply.close()
