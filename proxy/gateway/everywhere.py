"""Work on models that all replicas of an upstream are to do, one after the other: what one of them gets, the others do not get by itself.

Success is told when nothing is left to do anywhere, and not before; what went wrong at one keeps no other from its work. Such work may be
asked for again: who has done it says so, or lacks the model then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from proxy.dialect import Reach, RelayReader
from proxy.errors import ProxyError, UpstreamError
from proxy.gateway.handed import news, tells_news, whole
from proxy.gateway.inner_errors import ErrorCover
from proxy.gateway.noting import note_failure
from proxy.gateway.steps import Upstream
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type
from proxy.wire.messages import Reply, UpstreamCall

_LACKS = 404

_log = logging.getLogger("proxy.gateway")


@dataclass(frozen=True, slots=True)
class Task:
    """What all replicas are to do.

    Attributes:
        reach: who has to: all, or all that have the model.
        make_reader: watches a stream of news.
        explained: an error with a status of its own as the client is to hear it; what stands in news is handed on in the server's words.
        after: to be done when some replica has changed.
    """

    upstream: Upstream
    call: UpstreamCall
    reach: Reach
    make_reader: Callable[[], RelayReader]
    notes: ExchangeNotes
    explained: Callable[[ProxyError], ProxyError]
    after: Callable[[], object]


def hand_to_all(task: Task, replicas: Mapping[str, UpstreamClient]) -> Reply:
    """What the last replica says when all have done their part. News come from one after the other.

    Args:
        replicas: a client of each, by its label.

    Raises:
        ProxyError: something is left undone, and no news were told.
    """
    asked = iter(replicas.items())
    tally = _Tally(task, len(replicas))
    answers: list[Reply] = []
    for label, client in asked:
        try:
            reply = client.send(task.call, task.notes, once=True)
            if tells_news(reply, task.upstream):
                kind = content_type(reply.headers, "")
                return Reply(reply.status, kind, _all_news(task, tally, label, reply, asked), close=reply.close)
            answers.append(whole(reply, task.upstream, ErrorCover(task.upstream.client, task.notes)))
            tally.done += 1
        except ProxyError as error:
            tally.note(label, task.explained(error))
    failure = tally.outcome()
    if failure is not None:
        raise failure
    return answers[-1]


def _all_news(task: Task, tally: _Tally, label: str, reply: UpstreamReply, asked: Iterator[tuple[str, UpstreamClient]]) -> Iterator[bytes]:
    """The news of all replicas from the one on that has begun to tell; the end of the last one's, or an error."""
    end = b""
    cover = ErrorCover(task.upstream.client, task.notes)
    current: UpstreamReply | None = reply
    while True:
        try:
            if current is not None:
                reader = task.make_reader()
                end = (yield from news(current, reader, cover)) or end
                if reader.failure is not None:
                    raise reader.failure
                tally.done += 1
        except ProxyError as error:
            tally.note(label, error)
        label, client = next(asked, (label, None))
        if client is None:
            break
        current = _begun(task, tally, label, client, cover)
    failure = tally.outcome()
    if failure is None:
        yield end
    else:
        note_failure(task.notes, failure)
        yield task.make_reader().render_failure(failure)


def _begun(task: Task, tally: _Tally, label: str, client: UpstreamClient, cover: ErrorCover) -> UpstreamReply | None:
    """The news of one more replica; `None` where it has none to tell."""
    try:
        reply = client.send(task.call, task.notes, once=True)
        if tells_news(reply, task.upstream):
            return reply
        whole(reply, task.upstream, cover)
        tally.done += 1
    except ProxyError as error:
        tally.note(label, task.explained(error))
    return None


class _Tally:
    """Who has done the work, and what went wrong elsewhere."""

    def __init__(self, task: Task, total: int) -> None:
        self.done = 0
        self._task = task
        self._total = total
        self._lacks: list[ProxyError] = []
        self._failures: list[ProxyError] = []

    def note(self, label: str, error: ProxyError) -> None:
        """Notes what the replica of that label said in place of doing it."""
        if isinstance(error, UpstreamError):
            self._task.upstream.client.make_fit(error, self._task.notes)
        lacks = self._task.reach is Reach.HOLDERS and error.status == _LACKS
        (self._lacks if lacks else self._failures).append(error)
        if not lacks:
            about = {"upstream": self._task.upstream.name, "replica": label, "path": self._task.call.path, "error": error.message}
            _log.warning("a replica did not do what all are to do", extra=about)

    def outcome(self) -> ProxyError | None:
        """What the client is to hear in place of success. What follows from a change is done first."""
        if self.done:
            self._task.after()
        if not self._failures:
            return None if self.done else self._lacks[0]
        return self._partly(self._failures[0]) if self.done else self._failures[0]

    def _partly(self, error: ProxyError) -> ProxyError:
        told = f"done by {self.done} of the upstream's {self._total} servers, and not by all: {error.message}; send the request again"
        return UpstreamError(told, status=error.status, retry_after_s=error.retry_after_s)
