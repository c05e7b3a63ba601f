"""One server's answer to what is handed on to it: news in lines, while it works, or words that come whole."""

from __future__ import annotations

from collections.abc import Generator

from proxy.dialect import RelayReader
from proxy.errors import ProxyError
from proxy.gateway.foreign import kind_of, no_answer
from proxy.gateway.inner_errors import ErrorCover
from proxy.gateway.relaying import WHOLE_TYPE
from proxy.gateway.steps import Upstream, read_and_close
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type
from proxy.wire.messages import Reply

_HTML = "html"


def tells_news(reply: UpstreamReply, upstream: Upstream) -> bool:
    """Whether it comes as lines. Raises `UpstreamBroken`: it is a web page, and of somebody else."""
    kind = kind_of(reply)
    if _HTML in kind:
        reply.close()
        raise no_answer(reply, upstream)
    return "ndjson" in kind


def whole(reply: UpstreamReply, upstream: Upstream, cover: ErrorCover) -> Reply:
    """The answer that comes whole, without keys in its errors. Raises `UpstreamError`."""
    body = cover.over(read_and_close(reply, upstream.patience_s))
    return Reply(reply.status, content_type(reply.headers, WHOLE_TYPE), body)


def news(reply: UpstreamReply, reader: RelayReader, cover: ErrorCover) -> Generator[bytes, None, bytes]:
    """The lines as they come, without keys in their errors; returns those that waited for the end, as they came.

    Raises:
        ProxyError: it was cut before its own end.
    """
    broken: ProxyError | None = None
    try:
        try:
            for chunk in reply.chunks():
                if data := reader.feed(chunk):
                    yield cover.over(data)
        except ProxyError as error:
            broken = error
        return _closed(reader, broken)
    finally:
        reply.close()


def _closed(reader: RelayReader, broken: ProxyError | None) -> bytes:
    """The bytes that waited. Raises why the stream broke off, unless it had come to its own end before."""
    try:
        return reader.close()
    except ProxyError:
        if broken is not None:
            raise broken from None
        raise
