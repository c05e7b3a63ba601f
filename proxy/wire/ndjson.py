"""Newline-delimited JSON: bytes cut anywhere -> records, and a value -> one line. No I/O."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.errors import UpstreamBroken

MAX_RECORD_BYTES = 16 * 1024 * 1024


class NdjsonReader:
    """Reads one stream of records, each the bytes of one line. Blank lines are skipped; the last line may lack its LF.

    Args:
        max_record_bytes: how much of a record that is not complete yet is kept.
    """

    __slots__ = ("_kept_bytes", "_max_record_bytes", "_pieces")

    def __init__(self, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self._max_record_bytes = max_record_bytes
        self._pieces: list[bytes] = []
        self._kept_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The records that `chunk` completes.

        Raises:
            UpstreamBroken: what came before `chunk` was already more than a record may have.
        """
        if self._kept_bytes > self._max_record_bytes:
            raise UpstreamBroken(f"the upstream sent a record of more than {self._max_record_bytes} bytes")
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        *lines, rest = (self._taken_pieces() + chunk).split(b"\n")
        self._keep(rest)
        return [record for line in lines if (record := line.strip())]

    def close(self) -> list[bytes]:
        """The last record, when it lacked its line end.

        Raises:
            UpstreamBroken: as `feed` does.
        """
        return self.feed(b"\n")

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._kept_bytes += len(piece)

    def _taken_pieces(self) -> bytes:
        text = b"".join(self._pieces)
        self._pieces.clear()
        self._kept_bytes = 0
        return text


def ndjson_line(value: Any) -> bytes:
    """One record with its line end."""
    return line_safe(orjson.dumps(value)) + b"\n"


def line_safe(json_text: bytes) -> bytes:
    """`json_text` with U+2028, U+2029 and U+0085 escaped: httpx, and so the Python client of Ollama, takes each of them for a line end.

    They can stand in JSON strings only, so the value stays the same. Source: httpx `LineDecoder`, which splits as `str.splitlines` does.
    """
    if json_text.isascii():
        return json_text
    return json_text.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029").replace(b"\xc2\x85", rb"\u0085")
