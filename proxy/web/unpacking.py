"""Packed bodies: what gzip, deflate and zstd hold, bounded in size and in the memory that unpacking takes."""

from __future__ import annotations

import zlib

from proxy.errors import InvalidRequest, RequestTooLarge

# RFC 9659: who packs for the web must not ask for a larger window.
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
_ZSTD_PIECE_BYTES = 1024

_CUT_PACKED = "the compressed request body ends too early"


def refuse_if_larger(size_bytes: int, max_bytes: int) -> None:
    """Raises `RequestTooLarge` for a body, announced or there, that is larger than allowed."""
    if size_bytes > max_bytes:
        raise RequestTooLarge(f"the request body is larger than {max_bytes} bytes (REQUEST_MAX_SIZE)")


def unpack(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """What is packed in `body`.

    Raises:
        RequestTooLarge: it has more than `max_bytes`.
        InvalidRequest: it is not packed as `encoding` says, or in a way that we do not know.
    """
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(body, max_bytes)
        if encoding == "zstd":
            return _unpacked_zstd(body, max_bytes)
    except zlib.error as error:
        raise _invalid(encoding, error) from error
    raise InvalidRequest(f"unknown Content-Encoding {encoding!r}: send identity, gzip, deflate or zstd", status=415)


def _inflated(body: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    unpacked = inflater.decompress(body, max_bytes + 1)
    refuse_if_larger(len(unpacked), max_bytes)
    if not inflater.eof:
        raise InvalidRequest(_CUT_PACKED)
    if inflater.unused_data:
        raise InvalidRequest("something follows the compressed request body")
    return unpacked


def _unpacked_zstd(body: bytes, max_bytes: int) -> bytes:
    """The content of all frames. Taken in small pieces: a decompressor that says where a frame ends has no limit for what it puts out."""
    import zstandard  # noqa: PLC0415 (few send it)

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    frame, unpacked = None, bytearray()
    for start in range(0, len(body), _ZSTD_PIECE_BYTES):
        piece = body[start : start + _ZSTD_PIECE_BYTES]
        while piece:
            frame = frame or decompressor.decompressobj()
            try:
                unpacked += frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise _invalid("zstd", error) from error
            refuse_if_larger(len(unpacked), max_bytes)
            piece, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise InvalidRequest(_CUT_PACKED)
    return bytes(unpacked)


def _invalid(encoding: str, error: Exception) -> InvalidRequest:
    return InvalidRequest(f"the request body is not valid {encoding}: {error}")
