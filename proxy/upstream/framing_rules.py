"""Which framing the body of an answer has, as its head tells. No I/O.

A head that contradicts itself is how bytes of one answer are made to look like the next. What can be read all the same is read, and the
connection not used again; what cannot is no answer.

Source: RFC 9112, sections 6.1, 6.3 and 9.3; RFC 9110, section 8.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException

from proxy.upstream.framing import ChunkedFraming, Framing, OpenFraming, SizedFraming

# The fields of a head that are asked for here.
FRAMING_FIELDS = ("connection", "content-length", "transfer-encoding")

_WITHOUT_BODY = (204, 304)
# More digits than any length needs, and few enough for a number of the machine.
_MOST_DIGITS = 18


class IllegalHead(HTTPException):
    """What came is no head of an HTTP/1.x answer, or does not say where the answer ends."""


def framing_of(method: str, version: int, status: int, headers: Mapping[str, str]) -> Framing:
    """The framing of the body that follows a final head.

    Args:
        method: of the request.
        version: 10 or 11.
        headers: with lower-case names; the values of fields that came more than once are joined by commas.

    Raises:
        IllegalHead: nobody can tell where the body ends.
    """
    reusable = _stays_open(version, headers.get("connection", ""))
    if method == "HEAD":
        return SizedFraming(0, reusable=reusable)
    if status in _WITHOUT_BODY:
        # One that names a coding all the same may be followed by what would be taken for the head of the next answer.
        return SizedFraming(0, reusable=reusable and "transfer-encoding" not in headers)
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None and coding.lower() != "identity":  # `identity` stood for no coding, once.
        _check_coding(coding)
        return ChunkedFraming(reusable=reusable and version == 11 and length is None and "," not in coding)
    if length is None:
        return OpenFraming()
    return SizedFraming(_number(length), reusable=reusable)


@lru_cache(64)
def _stays_open(version: int, connection: str) -> bool:
    options = {option.strip() for option in connection.lower().split(",")}
    return "close" not in options and (version == 11 or "keep-alive" in options)


def _check_coding(coding: str) -> None:
    """Servers behind servers say `chunked` twice; the body is chunked once. Other codings were not asked for."""
    if {part.strip().lower() for part in coding.split(",")} != {"chunked"}:
        raise IllegalHead("a transfer coding that was not asked for")


def _number(length: str) -> int:
    """The length; one that is told twice is the same both times."""
    digits, *more = [part.strip() for part in length.split(",")]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS or any(other != digits for other in more):
        raise IllegalHead("a length that is no number")
    return int(digits)
