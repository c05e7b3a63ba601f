"""A request out and the head of its answer in, over a connected socket: three system calls, and no reader in between.

Knows no pool and no connection but the socket.
"""

from __future__ import annotations

import errno
import socket
from time import monotonic

from proxy.upstream.head import ENDS_OF_CONNECTIONS, CutHead, NoAnswer
from proxy.upstream.head_parser import LONGEST_HEAD_BYTES, Head, may_end, take_head

READ_BYTES = 64 * 1024
_ONE_PIECE_BYTES = 64 * 1024
_SHORT_BYTES = 4 * 1024
# The upstream takes no more: it has said why, or is gone; reading tells which. EPROTOTYPE is macOS's word for it.
_TAKES_NO_MORE = (errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE)


def send_request(target: socket.socket, head: bytes, body: bytes | None) -> bool:
    """Sends a request, in one piece where that costs no large copy. Whether all of it was taken.

    Raises:
        TimeoutError: the upstream was too slow to take it.
        OSError: the connection is lost, and cannot hold an answer.
    """
    pieces = (head, body) if body and len(body) > _ONE_PIECE_BYTES else (head + (body or b""),)
    try:
        for piece in pieces:
            target.sendall(piece)
    except OSError as error:
        if error.errno not in _TAKES_NO_MORE:
            raise
        return False
    return True


def read_head(source: socket.socket, within_s: float | None) -> tuple[Head, bytes]:
    """The head of the answer, and what came after it.

    Raises:
        TimeoutError: it was not whole in time.
        NoAnswer: the connection ended, and not a byte had come.
        HTTPException, OSError: what came is no whole head.
    """
    sent_s = monotonic()
    source.settimeout(within_s)
    try:
        data = source.recv(READ_BYTES)
    except ENDS_OF_CONNECTIONS as error:
        raise NoAnswer(monotonic() - sent_s) from error
    if not data:
        raise NoAnswer(monotonic() - sent_s)
    return take_head(data) or _read_on(source, data, None if within_s is None else sent_s + within_s)


def _read_on(source: socket.socket, begun: bytes, due_s: float | None) -> tuple[Head, bytes]:
    data = bytearray(begun)
    while True:
        if due_s is not None:
            left_s = due_s - monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            source.settimeout(left_s)
        more = source.recv(READ_BYTES)
        if not more:
            raise CutHead("the connection ended inside the head")
        data += more
        # All of it is looked at again only where that can tell something new: a long head that comes in pieces takes linear time.
        if len(data) <= _SHORT_BYTES or len(data) > LONGEST_HEAD_BYTES or may_end(data, len(data) - len(more)):
            taken = take_head(bytes(data))
            if taken is not None:
                return taken
