"""Answers with a status of success that cannot be the API's: web pages of whoever stands in between, and nothing at all."""

from __future__ import annotations

from proxy.errors import UpstreamBroken, UpstreamError
from proxy.gateway.steps import Upstream
from proxy.upstream.reply import UpstreamReply

_NO_CONTENT = 204


def is_foreign(reply: UpstreamReply) -> bool:
    """Whether it cannot be an answer: this API has no web pages, and none of its answers is nothing."""
    return reply.status == _NO_CONTENT or "html" in kind_of(reply)


def no_answer(reply: UpstreamReply, upstream: Upstream, body: bytes = b"") -> UpstreamBroken:
    """What to say of an answer that is none."""
    what = "a web page" if "html" in kind_of(reply) else "something else" if body and not body.isspace() else "nothing"
    hint = f"check that {upstream.base_url_name} leads to {upstream.api}, and that nothing on the way there answers in its place"
    return UpstreamBroken(f"the upstream answered with {what} where JSON was due; {hint}")


def made_plain(error: UpstreamError, reply: UpstreamReply, upstream: Upstream) -> UpstreamError:
    """What to say of an answer that could not be read: `error`, unless it is foreign, which some servers say of answers that are none."""
    return no_answer(reply, upstream) if isinstance(error, UpstreamBroken) and is_foreign(reply) else error


def kind_of(reply: UpstreamReply) -> str:
    """Its content type, in lower case."""
    return reply.headers.get("content-type", "").lower()
