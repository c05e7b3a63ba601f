"""`Relayed`: an upstream's own answer that has begun, whole or as a stream; and what is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.dialect import MAX_TEXT_BYTES, Payload, RelayEndpoint, RelayReader
from proxy.errors import ProxyError, UpstreamBroken, UpstreamError
from proxy.gateway.foreign import is_foreign, kind_of, no_answer
from proxy.gateway.inner_errors import ErrorCover
from proxy.gateway.noting import note_end, note_failure, note_usage
from proxy.gateway.steps import Upstream, read_and_close
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.patience import Patience
from proxy.upstream.reply import UpstreamReply
from proxy.wire.json_text import is_json_answer
from proxy.wire.sse import MAX_EVENT_BYTES
from proxy.wire.told_model import ToldModel

# So much of a stream may be whole lines before anything is said in it; a first record may be longer: it may hold a picture.
_LONGEST_PRELUDE_BYTES = 64 * 1024

OnBroken = Callable[[ExchangeNotes, ProxyError], None]


@dataclass(slots=True)
class RelayedStream:
    """A stream that has begun.

    Attributes:
        head: what it has begun with, to be handed on first.
        is_over: whether that is all, and `reader` is closed.
        client: of the upstream that it comes from.
        told_model: the name that its lines are to tell, `None` where they keep theirs.
    """

    reply: UpstreamReply
    reader: RelayReader
    chunks: Iterator[bytes]
    head: bytes
    is_over: bool
    client: UpstreamClient
    told_model: ToldModel | None = None

    def close(self) -> None:
        """Lets go of the upstream's answer."""
        self.reply.close()

    def pieces(self, notes: ExchangeNotes, on_broken: OnBroken) -> Iterator[bytes]:
        """All of it, and signs of life while the upstream is silent; no key stands in the errors that it tells. `on_broken` is told when it
        breaks off.
        """
        reader, cover, told_model = self.reader, ErrorCover(self.client, notes), self.told_model
        broken: ProxyError | None = None
        try:
            yield cover.over(self._named(self.head))
            try:
                for chunk in self.chunks:
                    if data := reader.feed(chunk) if chunk else reader.sign_of_life():
                        if told_model is not None:
                            data = told_model.in_lines(data)
                        yield cover.over(data) if b"error" in data or cover.is_on else data
            except ProxyError as error:
                broken = error
            yield from self._end(notes, broken, on_broken, cover)
        finally:
            note_usage(notes, reader.usage)
            self.reply.close()

    def _end(self, notes: ExchangeNotes, broken: ProxyError | None, on_broken: OnBroken, cover: ErrorCover) -> Iterator[bytes]:
        """What follows the last chunk. As everywhere, a broken connection is no failure of an answer that has said why it stopped."""
        reader = self.reader
        try:
            rest = b"" if self.is_over else reader.close()
        except ProxyError as error:
            failure = broken or error
            self._note(failure, notes, on_broken)
            yield reader.render_failure(failure)
            return
        if reader.failure is not None:
            self._note(reader.failure, notes, on_broken)
        else:
            notes.finish_reason, notes.end = reader.finish_reason, "finished"
        if rest:
            yield cover.over(self._named(rest))

    def _named(self, lines: bytes) -> bytes:
        return lines if self.told_model is None else self.told_model.in_lines(lines)

    def _note(self, failure: ProxyError, notes: ExchangeNotes, on_broken: OnBroken) -> None:
        if isinstance(failure, UpstreamError):
            self.client.make_fit(failure, notes)
        note_failure(notes, failure)
        on_broken(notes, failure)


@dataclass(slots=True)
class RelayedWhole:
    """A whole answer; nothing of it is open any more."""

    reply: UpstreamReply
    body: bytes

    def as_stream(self, endpoint: RelayEndpoint, payload: Payload, notes: ExchangeNotes) -> bytes:
        """What it says as the stream that was asked for, all of it. Raises `UpstreamBroken` where there is no way to say it so."""
        stream = endpoint.as_stream(self.body, payload)
        note_end(notes, endpoint.usage_of(self.body), "")
        return stream

    def close(self) -> None:
        """Nothing to close."""


Relayed = RelayedStream | RelayedWhole


def relayed(
    reply: UpstreamReply,
    endpoint: RelayEndpoint,
    upstream: Upstream,
    notes: ExchangeNotes,
    *,
    asked_stream: bool,
    told_model: ToldModel | None = None,
) -> Relayed:
    """The answer that `reply` brings, as far as it must be seen to be one.

    Args:
        told_model: the name that it is to tell, `None` where it keeps its own.

    Raises:
        UpstreamError: it is none: an error, or nothing that this API answers with. `reply` is closed then.
    """
    try:
        if is_foreign(reply):
            raise no_answer(reply, upstream)
        if not _is_stream(reply, asked_stream):
            body = _whole(reply, endpoint, upstream, notes)
            return RelayedWhole(reply, body if told_model is None else told_model.in_whole(body))
        stream = _begun(reply, endpoint, upstream)
        stream.told_model = told_model
        return stream
    except BaseException:
        reply.close()
        raise


def _whole(reply: UpstreamReply, endpoint: RelayEndpoint, upstream: Upstream, notes: ExchangeNotes) -> bytes:
    body = read_whole(reply, upstream, notes, endpoint.max_bytes)
    error = endpoint.refusal_in(body) or endpoint.misfit_in(body)
    if error is not None:
        raise error
    return body


def read_whole(reply: UpstreamReply, upstream: Upstream, notes: ExchangeNotes, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The whole body of `reply`, which is JSON; no key stands in an error that it tells. Raises `UpstreamError`."""
    body = read_and_close(reply, upstream.patience_s, max_bytes)
    if not is_json_answer(body):
        raise no_answer(reply, upstream, body)
    return ErrorCover(upstream.client, notes).over(body) if b'"error"' in body else body


def _begun(reply: UpstreamReply, endpoint: RelayEndpoint, upstream: Upstream) -> RelayedStream:
    reader, chunks, pieces = endpoint.reader(), reply.chunks(), list[bytes]()
    patience, size = Patience(upstream.patience_s), 0
    for chunk in chunks:
        if piece := reader.feed(chunk):
            pieces.append(piece)
            size += len(piece)
        longest_bytes = MAX_EVENT_BYTES
        # A pattern for both takes 6.5 ms for a record of 1 MiB, a third of all that it cost.
        if b"\n" in piece or b"\r" in piece:
            pieces, longest_bytes = [head := b"".join(pieces)], _LONGEST_PRELUDE_BYTES
            if endpoint.begins(head):
                return RelayedStream(reply, reader, chunks, head, is_over=False, client=upstream.client)
        if size > longest_bytes:
            raise UpstreamBroken(f"the upstream sent {size} bytes without beginning to answer")
        patience.wait_on()
    head, rest = b"".join(pieces), reader.close()
    if reader.failure is not None:
        raise reader.failure
    if not endpoint.begins(head + rest + b"\n\n"):
        raise no_answer(reply, upstream)
    return RelayedStream(reply, reader, chunks, head + rest, is_over=True, client=upstream.client)


def _is_stream(reply: UpstreamReply, asked: bool) -> bool:
    """Whether the answer is to be read as a stream: what calls itself one, and what was to be one and doesn't call itself JSON.

    An upstream may read more as a wish for a stream than `true`. JSON where a stream was asked for is the upstream's own answer.
    """
    kind = kind_of(reply)
    return "event-stream" in kind or "ndjson" in kind or (asked and "json" not in kind and reply.headers.get("content-length") != "0")
